//! Keys, certificates, the internal CA, enrolment tokens, sealing of secrets.
