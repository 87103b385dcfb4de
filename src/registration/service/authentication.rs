//! Verifying passwords. The work is the same whether or not the user exists, so that timing reveals nothing.

use std::net::IpAddr;

use secrecy::SecretString;

use super::{error::RegistrationError, registration::RegistrationService};
use crate::{
    api,
    registration::backend::Backend,
    store::{Audit, Registrant, Registrants, Sessions},
};

impl<B: Backend> RegistrationService<B> {
    /// Returns the user with this username if the password is right, with the hash that was verified or the
    /// stronger one that replaced it. `stranger` is the IP address of a client that is not signed in.
    ///
    /// # Errors
    /// Returns an error if the password cannot be verified, or if too many wrong ones were tried.
    pub async fn authenticate(
        &self,
        username: &str,
        password: &SecretString,
        stranger: Option<IpAddr>,
    ) -> Result<Option<Registrant>, RegistrationError> {
        let Some(verified) = self.verify_credentials(username, password, stranger).await? else {
            return Ok(None);
        };
        let hash = verified.password_hash.as_ref();
        let Some(old) = hash.filter(|hash| self.passwords.is_outdated(hash)) else {
            return Ok(Some(verified));
        };
        match self.upgrade_hash(&verified, password, old).await {
            Ok(Some(new)) => Ok(Some(Registrant { password_hash: Some(new), ..verified })),
            // A concurrent sign-in has upgraded the hash, or the password was changed.
            Ok(None) => self.verify_credentials(username, password, stranger).await,
            Err(error) => {
                tracing::warn!(user.id = %verified.id, %error, "cannot upgrade the password hash");
                Ok(Some(verified))
            }
        }
    }

    async fn verify_credentials(
        &self,
        username: &str,
        password: &SecretString,
        stranger: Option<IpAddr>,
    ) -> Result<Option<Registrant>, RegistrationError> {
        let registrant = match api::username_problem(username) {
            None => self.registrants.registrant(username).await?,
            // It may contain characters that the database rejects.
            Some(_) => None,
        };
        let hash = registrant.as_ref().and_then(|registrant| registrant.password_hash.clone());
        let (Some(registrant), Some(hash)) = (registrant, hash) else {
            self.passwords.verify_dummy(password).await?;
            return Ok(None);
        };
        let is_right = self.verify_password(&registrant, password, &hash, stranger).await?;
        Ok(is_right.then_some(registrant))
    }

    /// Replaces the password, which the user has just entered. Returns the hash of the new one.
    ///
    /// # Errors
    /// Returns an error if the password cannot be changed, or was changed concurrently.
    pub async fn change_password(
        &self,
        registrant: &Registrant,
        new: &SecretString,
    ) -> Result<SecretString, RegistrationError> {
        let conflict = || RegistrationError::Unavailable("the password was changed concurrently".to_owned());
        let old = registrant.password_hash.as_ref().ok_or_else(conflict)?;
        let hash = self.passwords.hash(new).await?;
        let is_changed = self.registrants.change_password(registrant.id, old, &hash).await?;
        if is_changed { Ok(hash) } else { Err(conflict()) }
    }

    /// Hashes a password with the current parameters and returns the new hash. Returns None if the old hash
    /// is no longer the user's.
    async fn upgrade_hash(
        &self,
        registrant: &Registrant,
        password: &SecretString,
        old: &SecretString,
    ) -> Result<Option<SecretString>, RegistrationError> {
        let new = self.passwords.hash(password).await?;
        Ok(self.registrants.rehash(registrant.id, old, &new).await?.then_some(new))
    }

    /// Returns true if the password is right, unless too many wrong ones were tried within the last hour.
    /// `stranger` is the IP address of a client that is not signed in.
    pub(super) async fn verify_password(
        &self,
        registrant: &Registrant,
        password: &SecretString,
        hash: &SecretString,
        stranger: Option<IpAddr>,
    ) -> Result<bool, RegistrationError> {
        self.check_failure_limit(registrant, stranger).await?;
        let is_right = self.passwords.verify(password, hash).await?;
        // Check again: concurrent attempts may have failed in the meantime.
        self.check_failure_limit(registrant, stranger).await?;
        Ok(is_right)
    }

    async fn check_failure_limit(
        &self,
        registrant: &Registrant,
        stranger: Option<IpAddr>,
    ) -> Result<(), RegistrationError> {
        let next = self.registrants.next_try(registrant.id, stranger, self.max_failures_per_hour).await?;
        next.map_or(Ok(()), |seconds| Err(RegistrationError::TooManyFailures(seconds)))
    }
}
