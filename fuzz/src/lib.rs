//! Fuzz targets as plain functions, replayed by ordinary tests.
