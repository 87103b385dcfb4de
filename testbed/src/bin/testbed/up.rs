//! `testbed up`: the whole installation, until Ctrl-C.

use std::fs::File;
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use testbed::{Error, Operator, REGION, Tenant, workspace};

use crate::OperatorArgument;
use crate::signals::wait_for_shutdown;
use crate::stack::Stack;

const POLL_INTERVAL: Duration = Duration::from_millis(300);

pub(crate) async fn up(operator: OperatorArgument) -> Result<ExitCode, Error> {
    let operator = operator.path()?;
    let dir = workspace().join(".testbed");
    let _lock = lock(&dir)?;
    let env = dir.join("env");
    let mut shutdown = pin!(wait_for_shutdown());
    let mut stack = tokio::select! {
        stack = Stack::start(operator) => stack?,
        code = &mut shutdown => return code,
    };
    stack.tenant.testbed().remove_on_exit(&env)?;
    write_env(&env, &stack)?;
    print_instructions(&stack);
    let outcome = tokio::select! {
        failure = restart_exited(&mut stack, &env) => failure.map(|()| ExitCode::SUCCESS),
        // A signal is the normal way to end.
        asked = &mut shutdown => asked.map(|_| ExitCode::SUCCESS),
    };
    eprintln!("\ntestbed: shutting down");
    stack.shut_down().await?;
    outcome
}

/// Restarts a process that ended at the same address, as its Deployment would.
async fn restart_exited(stack: &mut Stack, env: &Path) -> Result<(), Error> {
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        if let Some(status) = stack.controller.exited()? {
            eprintln!("testbed: the controller ended ({status}); restarting it, as its Deployment would");
            let address = address(stack.controller.admin_url());
            let builder = stack.tenant.controller().env("STREAMCAT_ADMIN_BIND_ADDRESS", address);
            stack.controller = builder.try_start_unready().await?;
            write_env(env, stack)?;
        }
        if let Some(status) = stack.registration.exited()? {
            eprintln!(
                "testbed: the registration page ended ({status}); restarting it, as its Deployment would"
            );
            let address = address(stack.registration.url());
            let builder = stack.tenant.registration().env("STREAMCAT_BIND_ADDRESS", address);
            stack.registration = builder.try_start_unready().await?;
        }
    }
}

fn address(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// Takes the workspace's lock: two instances would overwrite each other's `env`.
fn lock(dir: &Path) -> Result<File, Error> {
    let failed = |source| Error::Io { action: format!("create {}", dir.display()), source };
    std::fs::create_dir_all(dir).map_err(failed)?;
    let lock = File::create(dir.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(_) => Err(Error::Unexpected(
            "`testbed up` is already running in this workspace: run `. .testbed/env` to use it, or stop it first".into(),
        )),
    }
}

/// Writes the environment variables that a shell needs to use everything.
fn write_env(path: &Path, stack: &Stack) -> Result<(), Error> {
    let Stack { registration, controller, tenant } = stack;
    let values = [
        ("KUBECONFIG", tenant.kubeconfig().display().to_string()),
        ("KUBECTL", tenant.testbed().kubectl_path().display().to_string()),
        ("DATABASE_URL", tenant.database_url().into()),
        ("IVS_ENDPOINT", tenant.simulator().url()),
        ("AWS_REGION", REGION.into()),
        ("REGISTRATION_URL", registration.url().into()),
        ("CONTROLLER_ADMIN_URL", controller.admin_url().into()),
        ("CONTROLLER_PID", controller.pid().to_string()),
    ];
    let lines: Vec<_> =
        values.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect();
    testbed::write_private(path, lines.concat().as_bytes())
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn print_instructions(stack: &Stack) {
    let page = format!("{}/register", stack.registration.url());
    let log = |operator: &Operator| operator.log_path().display().to_string();
    println!("{}", next_steps(&page, &stack.tenant));
    println!("Logs: {}\n      {}", log(&stack.controller), log(&stack.registration));
    println!("\nPress Ctrl-C here to stop everything. Nothing is left behind.");
}

fn next_steps(page: &str, tenant: &Tenant) -> String {
    let namespace = tenant.namespace();
    format!(
        r#"
Everything is running. Register a streamer in your browser:

    {page}

Or, in another terminal in this directory:

    . .testbed/env
    $KUBECTL apply -f - <<'END'
    apiVersion: streamcat.dev/v1alpha1
    kind: StreamerAccount
    metadata: {{ name: todd, namespace: {namespace} }}
    spec: {{ username: todd }}
    END
    $KUBECTL get streamer -o wide                        # its three ARNs
    $KUBECTL describe streamer todd                      # its conditions and events
    psql "$DATABASE_URL" -c 'select * from channels'     # the application's tables
    curl "$IVS_ENDPOINT/_simulator"                      # AWS resources and all calls
    curl "$CONTROLLER_ADMIN_URL/metrics"
    $KUBECTL delete streamer todd                        # deletes everything
"#
    )
}
