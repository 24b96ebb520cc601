//! The API over a real store, with a gateway that plays the rest of the server.

mod access;
mod bulk;
mod datamodels;
mod devices;
mod enrolment;
mod events;
mod hostile;
mod models;
mod openapi;
mod operations;
mod shell;
mod sign_in;
mod tenants;
mod world;
