//! The domain: devices, jobs, lanes, enrolment, events, audit; and the storage port.
