//! Whether a password is a user's: with the same work whether or not there is such a user.

use std::net::IpAddr;

use secrecy::SecretString;

use super::{accounts::Accounts, refusal::Refusal, registering::Registering};
use crate::{
    api,
    store::{Registrant, Registrants, Sessions},
};

impl<R: Registrants + Sessions, A: Accounts> Registering<R, A> {
    /// The user of this name, if this is the password; with the hash that it was proved by, or the stronger one in its place.
    /// `stranger` is the address of whoever is not signed in.
    ///
    /// # Errors
    /// When it cannot be told, or was wrong too often of late.
    pub async fn prove(
        &self,
        username: &str,
        password: &SecretString,
        stranger: Option<IpAddr>,
    ) -> Result<Option<Registrant>, Refusal> {
        let Some(proved) = self.match_user(username, password, stranger).await? else { return Ok(None) };
        let Some(old) = proved.password_hash.as_ref().filter(|hash| self.passwords.is_outdated(hash)) else {
            return Ok(Some(proved));
        };
        match self.strengthen(&proved, password, old).await {
            Ok(Some(new)) => Ok(Some(Registrant { password_hash: Some(new), ..proved })),
            // Another sign-in has done it by now, or the password was changed.
            Ok(None) => self.match_user(username, password, stranger).await,
            Err(error) => {
                tracing::warn!(user.id = %proved.id, %error, "a password is not hashed anew");
                Ok(Some(proved))
            }
        }
    }

    async fn match_user(
        &self,
        username: &str,
        password: &SecretString,
        stranger: Option<IpAddr>,
    ) -> Result<Option<Registrant>, Refusal> {
        let registrant = match api::username_problem(username) {
            None => self.registrants.registrant(username).await?,
            // The database may not even take it.
            Some(_) => None,
        };
        let hash = registrant.as_ref().and_then(|registrant| registrant.password_hash.clone());
        let (Some(registrant), Some(hash)) = (registrant, hash) else {
            self.passwords.match_nobody(password).await?;
            return Ok(None);
        };
        let matches = self.try_password(&registrant, password, &hash, stranger).await?;
        Ok(matches.then_some(registrant))
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

    /// Hashes a password anew with the parameters of today; the hash. None where the one of before is the user's no more.
    async fn strengthen(
        &self,
        registrant: &Registrant,
        password: &SecretString,
        old: &SecretString,
    ) -> Result<Option<SecretString>, Refusal> {
        let new = self.passwords.hash(password).await?;
        Ok(self.registrants.rehash(registrant.id, old, &new).await?.then_some(new))
    }
}

impl<R: Registrants, A: Accounts> Registering<R, A> {
    /// Whether this is the password of a user, of whom not too many were wrong of late. `stranger` is the address of whoever is not
    /// signed in.
    pub(super) async fn try_password(
        &self,
        registrant: &Registrant,
        password: &SecretString,
        hash: &SecretString,
        stranger: Option<IpAddr>,
    ) -> Result<bool, Refusal> {
        self.check_failures(registrant, stranger).await?;
        let matches = self.passwords.matches(password, hash).await?;
        // Once more: of those that were under way at the same time, others may have failed meanwhile.
        self.check_failures(registrant, stranger).await?;
        Ok(matches)
    }

    async fn check_failures(&self, registrant: &Registrant, stranger: Option<IpAddr>) -> Result<(), Refusal> {
        let next = self.registrants.next_try(registrant.id, stranger, self.most_failures).await?;
        next.map_or(Ok(()), |seconds| Err(Refusal::Guessed(seconds)))
    }
}
