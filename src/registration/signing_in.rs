//! Whether a password is a user's: with the same work whether or not there is such a user.

use secrecy::SecretString;

use super::{
    accounts::Accounts,
    registering::{Refusal, Registering},
};
use crate::store::{Registrant, Registrants, Sessions};

impl<R: Registrants + Sessions, A: Accounts> Registering<R, A> {
    /// The user of this name, if this is the password.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn prove(
        &self,
        username: &str,
        password: &SecretString,
    ) -> Result<Option<Registrant>, Refusal> {
        let registrant = self.registrants.registrant(username).await?;
        let hash = registrant.as_ref().and_then(|registrant| registrant.password_hash.clone());
        let (Some(registrant), Some(hash)) = (registrant, hash) else {
            self.passwords.match_nobody(password).await?;
            return Ok(None);
        };
        if !self.passwords.matches(password, &hash).await? {
            return Ok(None);
        }
        if self.passwords.is_outdated(&hash) {
            self.strengthen(&registrant, password, &hash).await;
        }
        Ok(Some(registrant))
    }

    /// Hashes a password anew with the parameters of today. Where this fails, the next sign-in does it.
    async fn strengthen(&self, registrant: &Registrant, password: &SecretString, old: &SecretString) {
        let strengthened: Result<(), Refusal> = async {
            let new = self.passwords.hash(password).await?;
            Ok(self.registrants.rehash(registrant.id, old, &new).await?)
        }
        .await;
        if let Err(error) = strengthened {
            tracing::warn!(user.id = %registrant.id, %error, "a password is not hashed anew");
        }
    }
}
