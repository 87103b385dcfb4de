// Runs the scenario with the AWS SDK for JavaScript: drive.mjs URL SCENARIO, with the URL of the simulator.

import { deepStrictEqual } from "node:assert";
import { readFileSync } from "node:fs";
import * as ivs from "@aws-sdk/client-ivs";
import * as ivschat from "@aws-sdk/client-ivschat";
import * as realtime from "@aws-sdk/client-ivs-realtime";

const [, , URL, SCENARIO] = process.argv;
const settings = {
    endpoint: URL, region: "us-west-2", maxAttempts: 1,
    credentials: { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" },
};
const clients = {
    "ivs": [new ivs.IvsClient(settings), ivs],
    "ivschat": [new ivschat.IvschatClient(settings), ivschat],
    "ivs-realtime": [new realtime.IVSRealTimeClient(settings), realtime],
};

// Returns the value with kept values in place of `$name`.
function filled(value, kept) {
    if (Array.isArray(value)) return value.map((inner) => filled(inner, kept));
    if (value instanceof Object) {
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner, kept)]));
    }
    if (typeof value !== "string") return value;
    // Longest names first, because a name can be a prefix of another.
    const names = Object.keys(kept).sort((a, b) => b.length - a.length);
    return names.reduce((text, name) => text.replaceAll(`$${name}`, kept[name]), value);
}

// Returns the value at a path such as `a.0.b`. `length` is the length of a list.
const at = (value, path) => path.split(".").reduce((inner, part) => inner[part], value);

async function administer(line, body) {
    const [method, path] = line.split(" ");
    const response = await fetch(`${URL}/_simulator${path}`, { method, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

async function call(step, kept) {
    const [service, operation] = step.call.split(".");
    const [client, commands] = clients[service];
    let output;
    try {
        output = await client.send(new commands[`${operation}Command`](filled(step.with, kept)));
    } catch (error) {
        if (error.name === step.fails) return;
        throw error;
    }
    if (step.fails) throw new Error(`succeeded: ${JSON.stringify(output)}`);
    for (const [name, path] of Object.entries(step.keep ?? {})) kept[name] = at(output, path);
    for (const [path, wanted] of Object.entries(step.see ?? {})) {
        deepStrictEqual(at(output, path), filled(wanted, kept), `${path} is ${JSON.stringify(at(output, path))}`);
    }
}

const place = "us-west-2:123456789012";
const kept = { goneRoom: `arn:aws:ivschat:${place}:room/gone`, gone: `arn:aws:ivs:${place}:channel/gone` };
for (const step of JSON.parse(readFileSync(SCENARIO, "utf8"))) {
    try {
        await (step.admin ? administer(filled(step.admin, kept), filled(step.body, kept)) : call(step, kept));
    } catch (error) {
        console.error(`JavaScript: ${JSON.stringify(step)}: ${error}`);
        process.exit(1);
    }
}
