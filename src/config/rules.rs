//! Rules for usernames and passwords on the registration page.

use clap::Args;

use super::values::not_empty;
use crate::api;

/// Usernames that people could mistake for the operators of the site, or for a part of it.
const RESERVED: &str = "abuse,account,accounts,admin,administrator,api,app,auth,billing,blog,contact,dashboard,docs,guest,\
    help,hostmaster,info,legal,login,logout,mail,moderator,news,nobody,noreply,null,official,operator,owner,postmaster,\
    privacy,register,root,security,settings,sign-in,sign-out,staff,status,superuser,support,system,team,undefined,\
    webmaster,www";

/// Rules for usernames and passwords.
#[derive(Clone, Debug, Args)]
pub struct RuleSettings {
    /// Name of the site, displayed on every page. It is not allowed as a username or password.
    #[arg(long, env = "STREAMCAT_SITE_NAME", default_value = "Streamcat", value_parser = not_empty)]
    pub site_name: String,

    /// Minimum length of a password, from 8 to 128 characters. NIST SP 800-63B-4 requires 15 if the password
    /// is the only authentication factor.
    #[arg(
        long,
        env = "STREAMCAT_MIN_PASSWORD_LENGTH",
        default_value_t = 15,
        value_parser = clap::value_parser!(u8).range(8..=128)
    )]
    pub min_password_length: u8,

    /// Comma-separated usernames that cannot be registered. Accounts created with kubectl can have them. The
    /// list replaces the built-in one.
    #[arg(
        long,
        env = "STREAMCAT_RESERVED_USERNAMES",
        default_value = RESERVED,
        value_delimiter = ',',
        value_parser = username_or_nothing
    )]
    pub reserved_usernames: Vec<String>,
}

/// Parses a username. An empty one is allowed, so that the list can be empty.
fn username_or_nothing(text: &str) -> Result<String, String> {
    let username = text.trim();
    match api::username_problem(username).filter(|_| !username.is_empty()) {
        Some(problem) => Err(problem.to_owned()),
        None => Ok(username.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        rules: RuleSettings,
    }

    fn reserved(list: &[&str]) -> Result<Vec<String>, clap::Error> {
        let line = Line::try_parse_from([&["streamcat-operator"], list].concat());
        line.map(|line| line.rules.reserved_usernames)
    }

    #[test]
    fn reserved_usernames_replace_the_built_in_list() {
        let built_in = reserved(&[]).expect("a list");
        assert!(
            ["admin", "root", "support", "www"].iter().all(|name| built_in.iter().any(|one| one == name))
        );
        let own = reserved(&["--reserved-usernames", "boss, Help_Desk"]).expect("a list");
        assert_eq!(own, ["boss", "Help_Desk"]);
        assert_eq!(reserved(&["--reserved-usernames", ""]).expect("a list"), [""]);
        assert!(reserved(&["--reserved-usernames", "help desk"]).is_err());
    }
}
