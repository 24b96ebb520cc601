//! Passwords: rules, and Argon2id behind a semaphore, because each hash takes memory and time that a
//! stranger may ask for.

use std::collections::BTreeSet;

use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};
use fleet::access::PasswordHash;
use http::StatusCode;
use tokio::sync::Semaphore;

use super::random;
use crate::limits;
use crate::problem::Problem;

/// How expensive one guess is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PasswordCost {
    /// Memory, in KiB; at least 8.
    pub memory_kib: u32,
    /// Passes over it; at least 1.
    pub passes: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        PasswordCost { memory_kib: Params::DEFAULT_M_COST, passes: Params::DEFAULT_T_COST }
    }
}

/// Hashes and verifies passwords, a few at a time.
pub struct Passwords {
    argon: Argon2<'static>,
    working: Semaphore,
    waiting: Semaphore,
}

impl Passwords {
    /// At this cost; one that is out of bounds is taken as the default.
    pub fn new(cost: PasswordCost) -> Self {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None).unwrap_or(Params::DEFAULT);
        Passwords {
            argon: params.into(),
            working: Semaphore::new(limits::PASSWORD_HASHING),
            waiting: Semaphore::new(limits::PASSWORD_QUEUE),
        }
    }

    /// Hashes a password.
    ///
    /// # Errors
    /// 503 when too many wait already.
    pub async fn hash(&self, password: String) -> Result<PasswordHash, Problem> {
        let argon = self.argon.clone();
        let hashed = self.work(move || {
            let salt: [u8; 16] = random();
            argon.hash_password_with_salt(password.as_bytes(), &salt).map(|hash| hash.to_string())
        });
        match hashed.await? {
            Ok(phc) => Ok(PasswordHash(phc)),
            Err(error) => Err(Problem::internal(&format!("a password could not be hashed: {error}"))),
        }
    }

    /// Whether a password is the one that was hashed. Without a hash to compare with it takes as long, and
    /// is not.
    ///
    /// # Errors
    /// 503 when too many wait already.
    pub async fn verify(&self, password: String, known: Option<PasswordHash>) -> Result<bool, Problem> {
        let Some(PasswordHash(phc)) = known else {
            return self.hash(password).await.map(|_| false);
        };
        let argon = self.argon.clone();
        self.work(move || argon.verify_password(password.as_bytes(), phc.as_str()).is_ok()).await
    }

    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy = || {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy")
                .detail("too many people sign in at the same time")
                .retry_after(2)
        };
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let _permit = self.working.acquire().await.map_err(|_| busy())?;
        tokio::task::spawn_blocking(job).await.map_err(|_| Problem::internal("hashing a password panicked"))
    }
}

/// The rules for a new password.
pub(crate) fn check_rules(user: &str, password: &str) -> Result<(), Problem> {
    let weak = |why: String| {
        Err(Problem::new(StatusCode::BAD_REQUEST, "weak-password").detail(format!("the password {why}")))
    };
    if password.chars().count() < limits::PASSWORD_MIN {
        return weak(format!("has at least {} characters", limits::PASSWORD_MIN));
    }
    if password.len() > limits::PASSWORD_MAX {
        return weak(format!("has at most {} bytes", limits::PASSWORD_MAX));
    }
    let different: BTreeSet<char> = password.chars().collect();
    if different.len() < limits::PASSWORD_DISTINCT {
        return weak(format!("has at least {} different characters", limits::PASSWORD_DISTINCT));
    }
    if password.eq_ignore_ascii_case(user) {
        return weak("is not the user's name".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{PasswordCost, Passwords, check_rules};
    use fleet::access::PasswordHash;

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1 };

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let passwords = Passwords::new(CHEAP);
        let hash = passwords.hash("correct horse battery".into()).await.expect("hashes");
        assert!(hash.0.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{}", hash.0);
        let other = passwords.hash("correct horse battery".into()).await.expect("hashes");
        assert_ne!(hash, other, "each has its own salt");
        assert_eq!(passwords.verify("correct horse battery".into(), Some(hash.clone())).await, Ok(true));
        assert_eq!(passwords.verify("correct horse batterz".into(), Some(hash)).await, Ok(false));
        assert_eq!(passwords.verify("correct horse battery".into(), None).await, Ok(false));
        let damaged = Some(PasswordHash("$argon2id$nonsense".into()));
        assert_eq!(passwords.verify("correct horse battery".into(), damaged).await, Ok(false));
    }

    #[test]
    fn weak_passwords_are_refused() {
        let check = |user: &str, password: &str, good: bool| {
            assert_eq!(check_rules(user, password).is_ok(), good, "{password:?}");
        };
        check("owner", "correct horse", true);
        check("owner", "elevenchars", false);
        check("owner", "twelve chars", true);
        check("owner", "aaaaaaaaaaaaaaaa", false);
        check("owner.of.this", "Owner.Of.This", false);
        check("owner", &"abcdef".repeat(171), false);
        check("owner", "пароль из слов", true);
    }
}
