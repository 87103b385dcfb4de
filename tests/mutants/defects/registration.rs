//! Defects in the registration page.

use super::Defect;

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "the annotation alone proves the owner of a registered account",
        file: "src/registration/accounts.rs",
        right: "if is_recorded && registrant.account_uid == account.metadata.uid {",
        wrong: "if is_recorded && has_user_annotation(account, registrant) {",
    },
    Defect {
        name: "a copy of an account is shown before the user is transferred",
        file: "src/registration/accounts.rs",
        right: "(true, true) => Self::Successor,",
        wrong: "(true, true) => Self::Owned,",
    },
    Defect {
        name: "a byte that is not ASCII hides the rest of its line",
        file: "http-guards/src/fields.rs",
        right: "let elements = lines.flat_map(",
        wrong: "let elements = lines.filter(|line| line.to_str().is_ok()).flat_map(",
    },
    Defect {
        name: "a quotation mark of a client hides what a proxy appends",
        file: "src/registration/http/attempt_limits.rs",
        right: "Separator::PlainComma",
        wrong: "Separator::Comma",
    },
    Defect {
        name: "another application's cookie of the same name is the token",
        file: "src/registration/http/cookies.rs",
        right: ".filter(|_| is_token)",
        wrong: ".filter(|text| is_token || text.len() < 64)",
    },
    Defect {
        name: "a form of another site is accepted",
        file: "src/registration/http/router.rs",
        right: "CsrfLayer::new()",
        wrong: "CsrfLayer::new().with_insecure_bypass(|_, _| true)",
    },
    Defect {
        name: "a request with two hosts is accepted",
        file: "src/registration/http/middleware/host.rs",
        right: "(Some(_), Some(_)) => false,",
        wrong: "(Some(_), Some(_)) => true,",
    },
    Defect {
        name: "a password that is not UTF-8 is changed",
        file: "src/registration/http/body.rs",
        right: "if !is_utf8_form(&body) {",
        wrong: "if !is_utf8_form(&body) && body.is_empty() {",
    },
    Defect {
        name: "reads have no limit",
        file: "src/registration/http/middleware/read_limit.rs",
        right: "Err(problem) => state",
        wrong: "Err(_) if request.uri().path() != \"\" => next.run(request).await,
        Err(problem) => state",
    },
    Defect {
        name: "each read of a page is one of the API server",
        file: "src/registration/http/account_cache.rs",
        right: "self.0.get_with(key, read(accounts, registrant)).await",
        wrong: "self.0.remove(&key).await;
        read(accounts, registrant).await",
    },
    Defect {
        name: "the cache ignores that a row has changed",
        file: "src/registration/http/account_cache.rs",
        right: "is_open: registrant.open,",
        wrong: "is_open: registrant.open && registrant.account_name.is_empty(),",
    },
];
