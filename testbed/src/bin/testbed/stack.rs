//! What `up` and `demo` have in common: the whole installation, running.

use std::path::PathBuf;
use std::time::Instant;

use testbed::{CONTEXT, Error, Operator, Tenant, Testbed};

/// Everything, in the order in which it ends.
pub(crate) struct Stack {
    pub(crate) registration: Operator,
    pub(crate) controller: Operator,
    pub(crate) tenant: Tenant,
}

impl Stack {
    pub(crate) async fn start(operator: PathBuf) -> Result<Self, Error> {
        let start = Instant::now();
        let borrowed = std::env::var(CONTEXT).ok().filter(|name| !name.is_empty());
        let cluster = borrowed
            .map_or("starting etcd, kube-apiserver, kube-controller-manager and".into(), |name| {
                format!("using your own cluster (context {name}), starting")
            });
        eprintln!("testbed: {cluster} PostgreSQL");
        let testbed = Testbed::start().await?.with_operator(operator);
        eprintln!("testbed: starting the simulator of Amazon IVS, the controller and the registration page");
        let tenant = Tenant::whole_cluster(testbed).await?;
        let (controller, registration) =
            futures::try_join!(tenant.controller().try_start(), tenant.registration().try_start())?;
        eprintln!("testbed: everything is ready after {:.1} s", start.elapsed().as_secs_f32());
        Ok(Self { registration, controller, tenant })
    }

    /// Ends it in order: first who takes new work, last what others need.
    pub(crate) async fn shut_down(mut self) -> Result<(), Error> {
        self.registration.try_terminate().await?;
        self.controller.try_terminate().await?;
        if std::env::var_os(CONTEXT).is_some_and(|name| !name.is_empty()) {
            self.tenant.uninstall().await?;
            eprintln!(
                "testbed: the custom resource definitions of streamcat.dev stay in your cluster, and so do accounts \
                 that are left; without a controller their finalizer keeps them"
            );
        }
        Ok(())
    }
}
