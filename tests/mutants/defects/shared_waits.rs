//! Defects in the waits that accounts share, and in the places of the queue.

use super::Defect;

const CALLS: &str = "src/controller/shared_waits/calls.rs";
const CAUSE: &str = "src/controller/shared_waits/cause.rs";
const SHARED_CAUSE: &str = "src/controller/shared_waits/shared_cause.rs";

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "an outage with unknown outcomes holds up no new account",
        file: "src/controller/shared_waits/mod.rs",
        right: "if call.call == Call::Create {",
        wrong: "if call.call == Call::Get {",
    },
    Defect {
        name: "a cause is shared after one failure",
        file: SHARED_CAUSE,
        right: "        self.failed.len() >= MIN_FAILED",
        wrong: "        self.failed.len() >= MIN_FAILED.min(1)",
    },
    Defect {
        name: "the same account tries again and again for all others",
        file: SHARED_CAUSE,
        right: "let lane = if was_probe { Lane::Background } else { origin.lane };",
        wrong: "let lane = if was_probe { Lane::Interactive } else { origin.lane };",
    },
    Defect {
        name: "a success lets nobody else through",
        file: SHARED_CAUSE,
        right: "        self.failed.clear();
        self.remove(account);
",
        wrong: "        self.failed.clear();
        self.failed.remove(account);
",
    },
    Defect {
        name: "a success lets everybody through at once",
        file: SHARED_CAUSE,
        right: "self.max_probes = (self.max_probes + 1).min(MAX_PROBES);",
        wrong: "self.max_probes = (self.max_probes + 1).max(MAX_PROBES * 1000);",
    },
    Defect {
        name: "an unknown outcome lets the next account through at once",
        file: SHARED_CAUSE,
        right: "        if self.probes.remove(account).is_some() {
            self.back_off(account, now);",
        wrong: "        if self.probes.remove(account).is_some_and(|from| from > now) {
            self.back_off(account, now);",
    },
    Defect {
        name: "an account that does not call holds up the others",
        file: SHARED_CAUSE,
        right: "            Some(_) => {
                self.remove(account);
                None",
        wrong: "            Some(_) => {
                self.failed.remove(account);
                None",
    },
    Defect {
        name: "what is denied to one namespace holds up all others",
        file: CAUSE,
        right: "Reason::AccessDenied => Some(namespace.to_owned()),",
        wrong: "Reason::AccessDenied => Some(namespace.to_owned()).filter(|namespace| namespace.is_empty()),",
    },
    Defect {
        name: "a deletion waits for what others failed with",
        file: CALLS,
        right: "        let Some(settings) = self.settings else { return Ok(()) };
        let held = self.waits.hold(&self.call(call, &|arn| refers_to(settings, arn)));
",
        wrong: "        let refers_to = |arn: &str| self.settings.is_none_or(|settings| refers_to(settings, arn));
        let held = self.waits.hold(&self.call(call, &refers_to));
",
    },
    Defect {
        name: "an account waits on although it no longer needs the call",
        file: CALLS,
        right: "        self.waits.leave_others(self.account, K::KIND, failed.as_ref().map(|failed| &failed.cause));
",
        wrong: "        if failed.is_some() {
            self.waits.leave_others(self.account, K::KIND, failed.as_ref().map(|failed| &failed.cause));
        }
",
    },
    Defect {
        name: "accounts with different missing references share a cause",
        file: CAUSE,
        right: "arns(&error.message).filter(|arn| refers_to(arn))",
        wrong: "arns(&error.message).filter(|arn| refers_to(arn) && arn.is_empty())",
    },
    Defect {
        name: "an unknown outcome is a cause to wait for",
        file: CAUSE,
        right: "Class::Ambiguous | Class::Invalid | Class::Missing",
        wrong: "Class::Invalid | Class::Missing",
    },
    Defect {
        name: "a backlog takes the places of persons",
        file: "src/lanes/places.rs",
        right: "(lane == Lane::Interactive || others < self.shared)",
        wrong: "(lane == Lane::Interactive || others < self.shared + INTERACTIVE_PLACES)",
    },
];
