//! Argon2id with memory that is reused from one hash to the next. The crate allocates it for each hash; glibc
//! often fails to reuse freed memory of that size, and after a few hundred hashes the process used twenty
//! times what it needs.

use std::cell::RefCell;

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        CustomizedPasswordHasher, PasswordHasher, Result,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};

/// The working memory of a hash.
pub type Memory = Vec<Block>;

/// Argon2id with some parameters. It also verifies any hash, with the parameters of that hash.
pub struct Argon2id<'a> {
    params: Params,
    memory: RefCell<&'a mut Memory>,
}

impl<'a> Argon2id<'a> {
    /// Creates a hasher that uses this memory, growing it as needed.
    pub fn new(params: Params, memory: &'a mut Memory) -> Self {
        Self { params, memory: RefCell::new(memory) }
    }

    fn hash(
        &self,
        argon2: &Argon2<'_>,
        version: Version,
        password: &[u8],
        salt: &[u8],
    ) -> Result<PasswordHash> {
        let params = argon2.params();
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        let mut memory = self.memory.borrow_mut();
        memory.resize(params.block_count(), Block::default());
        argon2.hash_password_into_with_memory(password, salt, &mut output, memory.as_mut_slice())?;
        Ok(PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(params)?,
            salt: Some(Salt::new(salt)?),
            hash: Some(Output::new(&output)?),
        })
    }
}

impl PasswordHasher<PasswordHash> for Argon2id<'_> {
    fn hash_password_with_salt(&self, password: &[u8], salt: &[u8]) -> Result<PasswordHash> {
        self.hash_password_with_params(password, salt, self.params.clone())
    }
}

impl CustomizedPasswordHasher<PasswordHash> for Argon2id<'_> {
    type Params = Params;

    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> Result<PasswordHash> {
        // We never create a hash with another algorithm.
        if algorithm.is_some_and(|name| name != Algorithm::Argon2id.as_str()) {
            return Err(argon2::password_hash::Error::Algorithm);
        }
        let version = version.map(Version::try_from).transpose()?.unwrap_or_default();
        self.hash(&Argon2::new(Algorithm::Argon2id, version, params), version, password, salt)
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier;

    use super::*;

    #[test]
    fn reused_memory_gives_the_same_hashes_as_the_crate() {
        let params = |memory, passes| Params::new(memory, passes, 1, None).expect("parameters");
        let mut memory = Memory::new();
        for (password, params) in [("one", params(64, 2)), ("two", params(32, 1)), ("three", params(128, 3))]
        {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::default(), params.clone());
            let salt = b"a salt of sixteen";
            let theirs = argon2.hash_password_with_salt(password.as_bytes(), salt).expect("a hash");
            let ours = Argon2id::new(params, &mut memory);
            let hash = ours.hash_password_with_salt(password.as_bytes(), salt).expect("a hash");
            assert_eq!(hash.to_string(), theirs.to_string());
            ours.verify_password(password.as_bytes(), &theirs).expect("the password");
            assert!(ours.verify_password(b"another", &theirs).is_err());
        }
    }
}
