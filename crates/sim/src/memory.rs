//! What this process weighs.

/// Proportional set size in bytes: what is resident, shared pages divided among those who share them. `None`
/// where the system doesn't tell.
pub fn pss() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/smaps_rollup").ok()?)
}

fn parse(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pss_line_is_read() {
        let rollup =
            "55d0-7ffe ---p 00000000 00:00 0  [rollup]\nRss:   5000 kB\nPss:     4321 kB\nPss_Anon: 7 kB\n";
        assert_eq!(parse(rollup), Some(4_424_704));
        assert_eq!(parse("Rss: 1 kB\n"), None);
        assert_eq!(parse("Pss: many kB\n"), None);
    }
}
