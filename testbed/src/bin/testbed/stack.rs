//! The whole installation, which `up` and `demo` run.

use std::path::PathBuf;
use std::time::Instant;

use testbed::{CONTEXT, Error, Operator, Tenant, Testbed};

/// The running installation. Its parts are dropped in this order.
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
            .map_or("starting etcd, kube-apiserver, kube-controller-manager, and".into(), |name| {
                format!("using your own cluster (context {name}), starting")
            });
        eprintln!("testbed: {cluster} PostgreSQL");
        let testbed = Testbed::start().await?.with_operator(operator);
        eprintln!("testbed: starting the Amazon IVS simulator, the controller, and the registration page");
        let tenant = Tenant::whole_cluster(testbed).await?;
        let (controller, registration) =
            futures::try_join!(tenant.controller().try_start(), tenant.registration().try_start())?;
        eprintln!("testbed: everything is ready after {:.1} s", start.elapsed().as_secs_f32());
        Ok(Self { registration, controller, tenant })
    }

    /// Shuts down in order: first the parts that accept new work, last those that others depend on.
    pub(crate) async fn shut_down(mut self) -> Result<(), Error> {
        self.registration.try_terminate().await?;
        self.controller.try_terminate().await?;
        if std::env::var_os(CONTEXT).is_some_and(|name| !name.is_empty()) {
            self.tenant.uninstall().await?;
            eprintln!(
                "testbed: the streamcat.dev CustomResourceDefinitions stay in your cluster, and so do remaining accounts: \
                 without a controller their finalizer blocks deletion"
            );
        }
        Ok(())
    }
}
