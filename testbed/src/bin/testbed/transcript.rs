//! A transcript on a terminal: numbered steps, commands with their output, and checks.

use std::fmt::Display;
use std::io::IsTerminal as _;

use testbed::Error;

/// Writer of a transcript. Uses color only on a terminal.
pub(crate) struct Transcript {
    colour: bool,
    steps: usize,
}

impl Transcript {
    pub(crate) fn new() -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { colour, steps: 0 }
    }

    /// Prints the heading of the next step.
    pub(crate) fn step(&mut self, text: &str) {
        self.steps += 1;
        println!("\n{}", self.style("1", &format!("{}. {text}", self.steps)));
    }

    /// Prints a command as a person would type it.
    pub(crate) fn command(&self, text: &str) {
        println!("\n   {}", self.style("36", &format!("$ {text}")));
    }

    /// Prints the output of a command.
    pub(crate) fn output(&self, text: &str) {
        for line in text.trim_end().lines() {
            println!("   {}", self.style("2", line));
        }
    }

    /// Prints a remark.
    pub(crate) fn note(&self, text: &str) {
        println!("   {}", self.style("3", text));
    }

    /// Prints a check, or fails if it does not hold.
    pub(crate) fn check(&self, what: &str, holds: bool, seen: impl Display) -> Result<(), Error> {
        if holds {
            println!("   {} {what}", self.style("32", "✓"));
            return Ok(());
        }
        Err(Error::Unexpected(format!("the demo expected: {what}\nbut saw: {seen}")))
    }

    pub(crate) fn style(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}
