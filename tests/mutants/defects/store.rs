//! Defects in the database and in the reading of its URL.

use super::Defect;

const BATCH: &str = "src/store/batch.rs";

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "the deadline of a call in flight is skipped",
        file: "src/store/in_flight.rs",
        right: "let left = self.due_in.saturating_add(grace).saturating_sub(self.overdue);",
        wrong: "let left = grace.saturating_sub(grace);",
    },
    Defect {
        name: "a request that PostgreSQL refuses fails its whole batch",
        file: BATCH,
        right: "Err(Error::Sql(sqlx::Error::Database(error))) if requests.len() > 1 => {",
        wrong: "Err(Error::Sql(sqlx::Error::Database(error))) if requests.len() > 1000 => {",
    },
    Defect {
        name: "a batch that waits for a lock delays every other",
        file: BATCH,
        right: "timeout(MAX_DELAY, self.turn.acquire())",
        wrong: "timeout(MAX_DELAY * 1000, self.turn.acquire())",
    },
    Defect {
        name: "a response goes to another caller of the batch",
        file: BATCH,
        right: "callers.into_iter().zip(responses)",
        wrong: "callers.into_iter().rev().zip(responses)",
    },
    Defect {
        name: "a person's request waits for every batch of a backlog",
        file: BATCH,
        right: "waiting.push(&Origin::current(), Waiting { request, caller });",
        wrong: "waiting.push(&Origin::default(), Waiting { request, caller });",
    },
    Defect {
        name: "connections are given out first come, first served",
        file: "src/lanes/fair_semaphore.rs",
        right: "state.waiting.push(origin, grant);",
        wrong: "state.waiting.push(&Origin { lane: Default::default(), ..origin.clone() }, grant);",
    },
    Defect {
        name: "an unknown parameter of the database URL is passed on to sqlx, which logs its value",
        file: "src/store/database_url.rs",
        right: "let name = SUPPORTED.into_iter().find(|supported| *supported == name).ok_or(UrlError::Unknown(number))?;",
        wrong: "let Some(name) = SUPPORTED.into_iter().find(|one| *one == name || number == 0) else { return Ok(()) };",
    },
    Defect {
        name: "several hosts in the database URL are passed on as one",
        file: "src/store/database_url.rs",
        right: "hosts.contains(',')",
        wrong: "hosts.contains(\",,\")",
    },
    Defect {
        name: "an error repeats a database URL in the wrong place",
        file: "src/config/one_line.rs",
        right: "argument.contains(\"://\")",
        wrong: "argument.contains(\":///\")",
    },
];
