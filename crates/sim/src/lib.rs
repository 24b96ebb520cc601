//! Simulated fleets behind `cusp sim`.
