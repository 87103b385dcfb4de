//! `testbed up`: everything, until Ctrl-C.

use std::fs::File;
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use testbed::{Error, Operator, REGION, Tenant, workspace};

use crate::OperatorArgument;
use crate::scene::Scene;
use crate::signals::asked_to_end;

const LOOK_EVERY: Duration = Duration::from_millis(300);

pub(crate) async fn up(operator: OperatorArgument) -> Result<ExitCode, Error> {
    let operator = operator.path()?;
    let folder = workspace().join(".testbed");
    let _lock = lock(&folder)?;
    let env = folder.join("env");
    let mut end = pin!(asked_to_end());
    let mut scene = tokio::select! {
        scene = Scene::start(operator) => scene?,
        code = &mut end => return code,
    };
    scene.tenant.testbed().remove_at_the_end(&env)?;
    write_env(&env, &scene)?;
    tell(&scene);
    let outcome = tokio::select! {
        failure = watch(&mut scene, &env) => failure.map(|()| ExitCode::SUCCESS),
        // To be asked is how it is meant to end.
        asked = &mut end => asked.map(|_| ExitCode::SUCCESS),
    };
    eprintln!("\ntestbed: ending everything");
    scene.end().await?;
    outcome
}

/// Starts a process again that ended, as its Deployment would, at the same address.
async fn watch(scene: &mut Scene, env: &Path) -> Result<(), Error> {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(status) = scene.controller.exited()? {
            eprintln!("testbed: the controller ended ({status}); starting it again, as its Deployment would");
            let address = address(scene.controller.admin_url());
            let builder = scene.tenant.controller().env("STREAMCAT_ADMIN_LISTEN", address);
            scene.controller = builder.try_start_unready().await?;
            write_env(env, scene)?;
        }
        if let Some(status) = scene.registration.exited()? {
            eprintln!(
                "testbed: the registration page ended ({status}); starting it again, as its Deployment would"
            );
            let address = address(scene.registration.url());
            let builder = scene.tenant.registration().env("STREAMCAT_LISTEN", address);
            scene.registration = builder.try_start_unready().await?;
        }
    }
}

fn address(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// Two at once in one workspace would overwrite each other's `env`.
fn lock(folder: &Path) -> Result<File, Error> {
    let failed = |source| Error::Io { action: format!("make {}", folder.display()), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let lock = File::create(folder.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(_) => Err(Error::Unexpected(
            "everything is up already in this workspace: type `. .testbed/env` and go on there, or end the other".into(),
        )),
    }
}

/// What a shell needs to talk to everything.
fn write_env(path: &Path, scene: &Scene) -> Result<(), Error> {
    let Scene { registration, controller, tenant } = scene;
    let values = [
        ("KUBECONFIG", tenant.kubeconfig().display().to_string()),
        ("KUBECTL", tenant.testbed().kubectl_program().display().to_string()),
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

fn tell(scene: &Scene) {
    let page = format!("{}/register", scene.registration.url());
    let log = |operator: &Operator| operator.log_path().display().to_string();
    println!("{}", next_steps(&page, &scene.tenant));
    println!("Logs: {}\n      {}", log(&scene.controller), log(&scene.registration));
    println!("\nCtrl-C here ends everything and leaves nothing behind.");
}

fn next_steps(page: &str, tenant: &Tenant) -> String {
    let namespace = tenant.namespace();
    format!(
        r#"
Everything is up. Register a streamer in your browser:

    {page}

or in another terminal, in this folder:

    . .testbed/env
    $KUBECTL apply -f - <<'END'
    apiVersion: streamcat.dev/v1alpha1
    kind: StreamerAccount
    metadata: {{ name: todd, namespace: {namespace} }}
    spec: {{ username: todd }}
    END
    $KUBECTL get streamer -o wide                        # what it got: three ARNs
    $KUBECTL describe streamer todd                      # its conditions and events
    psql "$DATABASE_URL" -c 'select * from channels'     # the application's view
    curl "$IVS_ENDPOINT/_simulator"                      # the AWS side, and all calls it saw
    curl "$CONTROLLER_ADMIN_URL/metrics"
    $KUBECTL delete streamer todd                        # and all of it is gone
"#
    )
}
