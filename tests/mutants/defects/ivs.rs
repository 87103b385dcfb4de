//! Defects in the calls to AWS.

use super::Defect;

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "the SDK retries calls",
        file: "src/ivs/sdk.rs",
        right: ".retry_config(RetryConfig::disabled())",
        wrong: ".retry_config(RetryConfig::standard())",
    },
    Defect {
        name: "settings that the SDK omits are not sent",
        file: "src/ivs/request_body.rs",
        right: "    merge(&mut body, settings);",
        wrong: "    merge(&mut body, &serde_json::json!({}));",
    },
    Defect {
        name: "an ARN of another AWS account counts as in the target",
        file: "src/ivs/target.rs",
        right: "self.account.as_ref().is_none_or(|account| *account == location.account)",
        wrong: "self.account.as_ref().is_none_or(|account| account.len() == location.account.len())",
    },
    Defect {
        name: "missing credentials count as an outage",
        file: "src/ivs/credentials.rs",
        right: "class: if is_transient { Class::Transient } else { Class::Blocked },",
        wrong: "class: if is_transient { Class::Blocked } else { Class::Transient },",
    },
];
