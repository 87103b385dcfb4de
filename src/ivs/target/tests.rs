//! Tests of the AWS account and region.

use std::sync::Arc;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_ivs::config::Credentials;
use aws_types::service_config::LoadServiceConfig;
use ivs_simulator::{Fault, Simulator};

use super::*;

const ARN: &str = "arn:aws:ivs:eu-west-1:123456789012:channel/AbCd";

/// SDK settings in which these variables are set, and no others.
#[derive(Debug)]
struct FakeSettings(Vec<&'static str>);

impl LoadServiceConfig for FakeSettings {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let name = format!("{}_{}", key.env(), key.service_id().to_uppercase().replace(' ', "_"));
        self.0.contains(&name.as_str()).then(|| "http://127.0.0.1:1".to_owned())
    }
}

/// Returns the SDK configuration with these variables set. `global`: the endpoint of all services.
fn config(global: Option<&str>, variables: &[&'static str]) -> SdkConfig {
    let mut config = SdkConfig::builder().service_config(FakeSettings(variables.to_vec()));
    config.set_endpoint_url(global.map(str::to_owned));
    config.build()
}

async fn config_of(url: &str) -> SdkConfig {
    let anyone = Credentials::new("x", "x", None, None, "tests");
    let config = aws_config::defaults(BehaviorVersion::latest()).endpoint_url(url);
    let config = config.retry_config(aws_config::retry::RetryConfig::disabled());
    config.region(Region::new("eu-west-1")).credentials_provider(anyone).load().await
}

#[test]
fn an_arn_names_partition_region_and_account() {
    let location = ArnLocation::parse(ARN).expect("an ARN");
    assert_eq!((location.partition, location.region), ("aws", "eu-west-1"));
    assert_eq!(
        (location.account, location.to_string().as_str()),
        ("123456789012", "eu-west-1, account 123456789012")
    );
    assert!(ArnLocation::parse("arn:aws:ivschat:eu-west-1:1:room/a").is_some());
}

#[test]
fn text_that_is_not_an_arn_of_ivs_has_no_location() {
    for text in [
        "",
        "arn",
        "arn:aws:ivs:eu-west-1:1:channel",
        "arn:aws:ivs:eu-west-1:1:channel/",
        "arn:aws:ivs:eu-west-1::channel/a",
        "arn:aws:ivs::1:channel/a",
        "arn::ivs:eu-west-1:1:channel/a",
        "arn:aws:ivs:eu-west-1:x:channel/a",
        "arn:aws:s3:eu-west-1:1:channel/a",
        " arn:aws:ivs:eu-west-1:1:channel/a",
        "ARN:aws:ivs:eu-west-1:1:channel/a",
    ] {
        assert_eq!(ArnLocation::parse(text), None, "{text}");
        assert!(!Target::new("eu-west-1", None).holds(text), "{text}");
    }
}

#[test]
fn a_target_holds_arns_of_its_partition_region_and_account() {
    let target = Target::new("eu-west-1", Some("123456789012".to_owned()));
    assert!(target.holds(ARN));
    for elsewhere in [
        ARN.replace("eu-west-1", "eu-west-2"),
        ARN.replace("eu-west-1", "eu-west-11"),
        ARN.replace("123456789012", "123456789013"),
        ARN.replace(":aws:", ":aws-cn:"),
    ] {
        assert!(!target.holds(&elsewhere), "{elsewhere}");
    }
}

#[test]
fn a_target_without_account_holds_arns_of_any_account() {
    let target = Target::new("eu-west-1", None);
    assert!(target.holds(ARN) && target.holds(&ARN.replace("123456789012", "1")));
    assert!(!target.holds(&ARN.replace("eu-west-1", "us-west-2")));
}

#[test]
fn a_region_belongs_to_a_partition() {
    let partitions = ["eu-west-1", "cn-north-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1"]
        .map(|region| Target::new(region, None).partition);
    assert_eq!(partitions, ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"]);
    assert!(Target::new("cn-north-1", None).holds("arn:aws-cn:ivs:cn-north-1:1:channel/a"));
}

#[test]
fn a_message_names_the_region_and_the_account() {
    assert_eq!(Target::new("eu-west-1", Some("1234".to_owned())).describe(), "eu-west-1, account 1234");
    assert_eq!(Target::new("eu-west-1", None).describe(), "eu-west-1");
}

#[test]
fn sts_is_called_only_if_it_is_where_ivs_is() {
    let (sts, elsewhere) = ("AWS_ENDPOINT_URL_STS", Some("http://127.0.0.1:1"));
    assert!(is_sts_beside_ivs(&config(None, &[])));
    for service in ["AWS_ENDPOINT_URL_IVS", "AWS_ENDPOINT_URL_IVSCHAT", "AWS_ENDPOINT_URL_IVS_REALTIME"] {
        assert!(!is_sts_beside_ivs(&config(None, &[service])), "{service}");
        assert!(is_sts_beside_ivs(&config(None, &[service, sts])), "{service}");
        assert!(is_sts_beside_ivs(&config(elsewhere, &[service])), "{service}");
    }
    assert!(is_sts_beside_ivs(&config(None, &["AWS_ENDPOINT_URL_S3"])));
}

#[tokio::test]
async fn sts_is_not_called_if_only_ivs_has_a_custom_endpoint() {
    let config = config(None, &["AWS_ENDPOINT_URL_IVS"]);
    assert_eq!(caller_account(&config, Duration::from_secs(5)).await, Ok(None));
}

#[tokio::test]
async fn the_account_is_that_of_the_credentials() {
    let simulator = Simulator::builder().region("eu-west-1").account("210987654321").start();
    let simulator = Arc::new(simulator.await.expect("a simulator"));
    let config = config_of(&simulator.url()).await;
    let account = caller_account(&config, Duration::from_secs(5)).await;
    assert_eq!(account, Ok(Some("210987654321".to_owned())));
    simulator.fault(Fault::error("GetCallerIdentity", 403, "ExpiredToken"));
    let refused = caller_account(&config, Duration::from_secs(5)).await.expect_err("refused");
    assert_eq!(refused.code.as_deref(), Some("ExpiredToken"));
}

#[tokio::test]
async fn an_account_that_sts_does_not_return_in_time_is_an_error() {
    let simulator = Simulator::builder().region("eu-west-1").start().await.expect("a simulator");
    simulator.fault(Fault::hang("GetCallerIdentity"));
    let config = config_of(&simulator.url()).await;
    let late = caller_account(&config, Duration::from_millis(200)).await.expect_err("no answer");
    assert_eq!(late.message, "the call timed out");
}
