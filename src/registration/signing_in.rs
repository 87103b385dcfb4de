//! Whether a password is a user's: with the same work whether or not there is such a user.

use secrecy::SecretString;

use super::{
    accounts::Accounts,
    registering::{Refusal, Registering},
};
use crate::{
    api,
    store::{Registrant, Registrants, Sessions},
};

impl<R: Registrants + Sessions, A: Accounts> Registering<R, A> {
    /// The user of this name, if this is the password; with the hash that it was proved by, or the stronger one in its place.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn prove(
        &self,
        username: &str,
        password: &SecretString,
    ) -> Result<Option<Registrant>, Refusal> {
        let registrant = match api::username_problem(username) {
            None => self.registrants.registrant(username).await?,
            // The database may not even take it.
            Some(_) => None,
        };
        let hash = registrant.as_ref().and_then(|registrant| registrant.password_hash.clone());
        let (Some(mut registrant), Some(hash)) = (registrant, hash) else {
            self.passwords.match_nobody(password).await?;
            return Ok(None);
        };
        if !self.passwords.matches(password, &hash).await? {
            return Ok(None);
        }
        if self.passwords.is_outdated(&hash) {
            registrant.password_hash =
                Some(self.strengthen(&registrant, password, &hash).await.unwrap_or(hash));
        }
        Ok(Some(registrant))
    }

    /// Puts another password in the place of the one that this registrant has just proved; its hash.
    ///
    /// # Errors
    /// When it could not be, or somebody else was faster.
    pub async fn change_password(
        &self,
        registrant: &Registrant,
        new: &SecretString,
    ) -> Result<SecretString, Refusal> {
        let elsewhere = || Refusal::NotNow("the password was changed elsewhere".to_owned());
        let old = registrant.password_hash.as_ref().ok_or_else(elsewhere)?;
        let hash = self.passwords.hash(new).await?;
        let is_changed = self.registrants.change_password(registrant.id, old, &hash).await?;
        if is_changed { Ok(hash) } else { Err(elsewhere()) }
    }

    /// Hashes a password anew with the parameters of today. None where another was faster, or this fails: then the next sign-in
    /// does it.
    async fn strengthen(
        &self,
        registrant: &Registrant,
        password: &SecretString,
        old: &SecretString,
    ) -> Option<SecretString> {
        let strengthened: Result<Option<SecretString>, Refusal> = async {
            let new = self.passwords.hash(password).await?;
            Ok(self.registrants.rehash(registrant.id, old, &new).await?.then_some(new))
        }
        .await;
        let failed = |error: &Refusal| {
            tracing::warn!(user.id = %registrant.id, %error, "a password is not hashed anew");
        };
        strengthened.inspect_err(failed).ok().flatten()
    }
}
