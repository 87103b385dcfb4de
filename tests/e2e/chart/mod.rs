//! The chart, rendered by Helm and applied to a real API server.

mod api_server;
mod rendered;
mod rights;
mod values;
mod variables;

use testbed::Testbed;

use self::rendered::Rendered;

/// The required values.
const REGION: &str = "aws.region=eu-west-1";
const DATABASE: &str = "database.existingSecret.name=database";

/// The values of an Ingress.
const INGRESS_HOST: &str = "registration.ingress.hosts={r.example.com}";
const INGRESS: [&str; 3] =
    ["registration.ingress.enabled=true", INGRESS_HOST, "registration.limits.trustedProxyHops=1"];

/// Returns the arguments of a release with these values.
fn release<'a>(chart: &'a str, namespace: &'a str, values: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["try", chart, "--namespace", namespace];
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    arguments
}

/// Returns the objects that are rendered with the required values and these.
async fn rendered(testbed: &Testbed, values: &[&str]) -> Rendered {
    let values = [&[REGION, DATABASE], values].concat();
    rendered_with(testbed, &values).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Returns the objects that are rendered with exactly these values.
async fn rendered_with(testbed: &Testbed, values: &[&str]) -> Result<Rendered, testbed::Error> {
    let chart = testbed.chart().display().to_string();
    testbed.helm_template(&release(&chart, "home", values)).await.map(Rendered)
}
