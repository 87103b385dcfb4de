//! Memory and CPU time of a process, read from /proc.

use std::time::Duration;

use crate::Error;

/// Clock ticks per second in /proc/PID/stat. Linux fixes the unit for programs, whatever the kernel's own.
const TICKS_PER_SECOND: f64 = 100.0;
/// Positions of the CPU times in /proc/PID/stat, counted from the field after the name of the program.
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;

/// Memory and CPU time of a process at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessFigures {
    /// CPU time since the start, in user and kernel mode.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub memory: u64,
    /// Peak of the resident memory in bytes, since the start or the last reset.
    pub peak_memory: u64,
}

impl ProcessFigures {
    /// Reads the figures of a process.
    ///
    /// # Errors
    /// If /proc cannot be read; for example, because the process has ended.
    pub fn read(pid: u32) -> Result<Self, Error> {
        let (stat, status) = (read(pid, "stat")?, read(pid, "status")?);
        let figures = Self::parse(&stat, &status);
        figures.ok_or_else(|| Error::Unexpected(format!("/proc/{pid} has no CPU time or no memory")))
    }

    fn parse(stat: &str, status: &str) -> Option<Self> {
        // The name of the program can contain spaces and parentheses.
        let (_, fields) = stat.rsplit_once(") ")?;
        let ticks = |field| fields.split(' ').nth(field)?.parse::<u32>().ok().map(f64::from);
        let seconds = (ticks(USER_TIME)? + ticks(SYSTEM_TIME)?) / TICKS_PER_SECOND;
        let bytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_suffix(" kB"));
            line?.parse::<u64>().ok().map(|kib| kib * 1024)
        };
        Some(Self {
            cpu: Duration::from_secs_f64(seconds),
            memory: bytes("VmRSS:")?,
            peak_memory: bytes("VmHWM:")?,
        })
    }
}

/// Sets the peak of the resident memory of a process back to its current memory.
///
/// # Errors
/// If the kernel refuses.
pub fn reset_peak_memory(pid: u32) -> Result<(), Error> {
    let path = format!("/proc/{pid}/clear_refs");
    std::fs::write(&path, "5").map_err(Error::io(format!("write {path}")))
}

fn read(pid: u32, file: &str) -> Result<String, Error> {
    let path = format!("/proc/{pid}/{file}");
    std::fs::read_to_string(&path).map_err(Error::io(format!("read {path}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test panics")]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_behind_a_name_with_parentheses() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 900 0 0 0 150 50 0 0 20 0 4 0 100";
        let status = "Name:\ta (b) c\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        let figures = ProcessFigures::parse(stat, status).unwrap();
        let expected = ProcessFigures { cpu: Duration::from_secs(2), memory: 1 << 20, peak_memory: 2 << 20 };
        assert_eq!(figures, expected);
    }

    #[test]
    fn figures_of_a_running_process_can_be_read() {
        let figures = ProcessFigures::read(std::process::id()).unwrap();
        assert!(figures.memory > 0 && figures.peak_memory >= figures.memory, "{figures:?}");
    }
}
