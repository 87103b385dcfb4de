//! What the registration page takes as a username and a password.

use clap::Args;

use super::values::not_empty;
use crate::api;

/// Usernames that people would take for us, or for a part of the site.
const RESERVED: &str = "abuse,account,accounts,admin,administrator,api,app,auth,billing,blog,contact,dashboard,docs,guest,\
    help,hostmaster,info,legal,login,logout,mail,moderator,news,nobody,noreply,null,official,operator,owner,postmaster,\
    privacy,register,root,security,settings,sign-in,sign-out,staff,status,superuser,support,system,team,undefined,\
    webmaster,www";

/// What may be registered.
#[derive(Clone, Debug, Args)]
pub struct RuleSettings {
    /// Name of the site, as people know it. It stands on every page, and nobody gets it as username or password.
    #[arg(long, env = "STREAMCAT_SITE_NAME", default_value = "Streamcat", value_parser = not_empty)]
    pub site_name: String,

    /// Fewest characters of a password, from 8 to 128. NIST SP 800-63B-4 asks for 15 where a password is all that somebody
    /// signs in with.
    #[arg(
        long,
        env = "STREAMCAT_MIN_PASSWORD_LENGTH",
        default_value_t = 15,
        value_parser = clap::value_parser!(u8).range(8..=128)
    )]
    pub min_password_length: u8,

    /// Usernames that nobody can register, with a comma between two; an account by kubectl can have one. A list given here
    /// takes the place of the one that is built in.
    #[arg(
        long,
        env = "STREAMCAT_RESERVED_USERNAMES",
        default_value = RESERVED,
        value_delimiter = ',',
        value_parser = username_or_nothing
    )]
    pub reserved_usernames: Vec<String>,
}

/// Nothing, so that an empty list can be given.
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
    fn a_list_takes_the_place_of_the_built_in_one_and_may_be_empty() {
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
