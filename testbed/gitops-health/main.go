// Command gitops-health prints how GitOps tools judge the health of objects: Argo CD with a health script,
// Flux, and the kstatus library of the Kubernetes project. It reads a JSON array of objects from standard
// input, and prints one of results.
//
//	gitops-health health.lua < objects.json
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	fluxstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// scriptTimeout is the time that Argo CD allows a script.
const scriptTimeout = time.Second

// health is the judgement of Argo CD.
type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// result is the judgement of all tools about one object.
type result struct {
	// Script is what the script alone returns, which is what the tests in Argo CD's repository check.
	Script health `json:"script"`
	// ArgoCD is what Argo CD shows.
	ArgoCD  health `json:"argocd"`
	Kstatus string `json:"kstatus"`
	Flux    string `json:"flux"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gitops-health:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: gitops-health health.lua < objects.json")
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var raw []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&raw); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	results := make([]result, 0, len(raw))
	for number, text := range raw {
		one, err := judge(string(script), text)
		if err != nil {
			return fmt.Errorf("object %d: %w", number, err)
		}
		results = append(results, one)
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}

func judge(script string, text []byte) (result, error) {
	var object unstructured.Unstructured
	// Unlike encoding/json, it reads whole numbers as int64, as Argo CD does.
	if err := object.UnmarshalJSON(text); err != nil {
		return result{}, err
	}
	scripted, err := runScript(script, object.Object)
	if err != nil {
		return result{}, fmt.Errorf("script: %w", err)
	}
	generic, err := status.Compute(&object)
	if err != nil {
		return result{}, fmt.Errorf("kstatus: %w", err)
	}
	flux, err := fluxstatus.Compute(&object)
	if err != nil {
		return result{}, fmt.Errorf("kstatus of Flux: %w", err)
	}
	argocd := scripted
	if object.GetDeletionTimestamp() != nil {
		// Argo CD does not run the script of an object that is being deleted.
		argocd = health{Status: "Progressing", Message: "Pending deletion"}
	}
	return result{Script: scripted, ArgoCD: argocd, Kstatus: generic.Status.String(), Flux: flux.Status.String()}, nil
}

// runScript runs a script with the libraries that Argo CD opens for one from its settings, except for the few
// functions of "os", which depend on the time of day. There is no "string" and no "math".
func runScript(script string, object map[string]any) (health, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	libraries := []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	}
	for _, library := range libraries {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return health{}, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), scriptTimeout)
	defer cancel()
	state.SetContext(ctx)
	value, err := toLua(state, object)
	if err != nil {
		return health{}, err
	}
	state.SetGlobal("obj", value)
	if err := state.DoString(script); err != nil {
		return health{}, err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return health{}, fmt.Errorf("returned %s instead of a table", state.Get(-1).Type())
	}
	answer := health{}
	for name, target := range map[string]*string{"status": &answer.Status, "message": &answer.Message} {
		switch value := table.RawGetString(name).(type) {
		case lua.LString:
			*target = string(value)
		case *lua.LNilType:
		default:
			return health{}, fmt.Errorf("returned %s as %s", value.Type(), name)
		}
	}
	switch answer.Status {
	case "Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown":
		return answer, nil
	}
	return health{}, fmt.Errorf("returned the invalid status %q", answer.Status)
}

// toLua converts a value of a decoded object.
func toLua(state *lua.LState, value any) (lua.LValue, error) {
	switch value := value.(type) {
	case nil:
		return lua.LNil, nil
	case bool:
		return lua.LBool(value), nil
	case string:
		return lua.LString(value), nil
	case int64:
		return lua.LNumber(value), nil
	case float64:
		return lua.LNumber(value), nil
	case []any:
		table := state.CreateTable(len(value), 0)
		for _, item := range value {
			converted, err := toLua(state, item)
			if err != nil {
				return nil, err
			}
			table.Append(converted)
		}
		return table, nil
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for key, item := range value {
			converted, err := toLua(state, item)
			if err != nil {
				return nil, err
			}
			table.RawSetString(key, converted)
		}
		return table, nil
	}
	return nil, fmt.Errorf("an object has a value of type %T", value)
}
