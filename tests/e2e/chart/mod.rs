//! The chart: rendered by the real Helm, taken by a real API server.

mod api_server;
mod rendered;
mod rights;
mod values;
mod variables;

use testbed::Testbed;

use self::rendered::Rendered;

/// The values that must be set.
const REGION: &str = "aws.region=eu-west-1";
const DATABASE: &str = "database.existingSecret.name=database";

/// The values of an Ingress.
const INGRESS_HOST: &str = "registration.ingress.hosts={r.example.com}";
const INGRESS: [&str; 3] =
    ["registration.ingress.enabled=true", INGRESS_HOST, "registration.limits.trustedProxyHops=1"];

/// The arguments of a release with these values.
fn release<'a>(chart: &'a str, namespace: &'a str, values: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["try", chart, "--namespace", namespace];
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    arguments
}

/// What is rendered with these values besides those that must be set.
async fn rendered(testbed: &Testbed, values: &[&str]) -> Rendered {
    let values = [&[REGION, DATABASE], values].concat();
    rendered_with(testbed, &values).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// What is rendered with exactly these values.
async fn rendered_with(testbed: &Testbed, values: &[&str]) -> Result<Rendered, testbed::Error> {
    let chart = testbed.chart().display().to_string();
    testbed.helm_template(&release(&chart, "home", values)).await.map(Rendered)
}
