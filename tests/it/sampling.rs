//! How often properties are tried, and from which seed.
//!
//! The seed is fixed, so that a change is judged by what it does and not by the luck of its run.
//! Rare faults are looked for on purpose, with another seed and many more cases:
//! `PROPTEST_RNG_SEED=1 SAGACTL_CASES=20 cargo test`.

use proptest::test_runner::{Config, RngSeed};

const SEED: u64 = 7;

/// So many cases, or `SAGACTL_CASES` times as many.
pub fn sampled(cases: u32) -> Config {
    let times = std::env::var("SAGACTL_CASES").map_or(1, |times| {
        times.parse().expect("SAGACTL_CASES is a whole number")
    });
    let config = Config::with_cases(cases.saturating_mul(times));
    let config = Config {
        max_global_rejects: config.max_global_rejects.saturating_mul(times),
        ..config
    };
    match config.rng_seed {
        RngSeed::Random => Config {
            rng_seed: RngSeed::Fixed(SEED),
            ..config
        },
        RngSeed::Fixed(_) => config,
    }
}
