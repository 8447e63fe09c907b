//! The `ottla` binary: flags, commands, output. What it does is in the libraries; what it says is here.
//!
//! Holds       exit codes: 0 done; 1 it failed; 2 the command line or a file of settings is wrong; 3 a topic, a partition
//!             or a setting of a topic is not there; 4 no broker answered in time; 130 a simulation was interrupted.
//! Read first  `cli.rs` (what can be said), `driver.rs` (the client over tokio).

mod cli;
mod consume;
mod control;
mod driver;
mod dump;
mod exhaustive;
mod failure;
mod format;
mod interrupt;
mod lines;
mod list;
mod metadata;
mod mutants;
mod output;
mod produce;
mod serve;
mod settings;
mod sim;
mod topic;

use clap::{CommandFactory, Parser};
use cli::{Cli, Command, LogCommand};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help is among the errors; that it could not be printed is one indeed.
        Err(told) => {
            let printed = told.print().and_then(|()| std::io::stdout().flush());
            let code = ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2));
            return printed.map_or_else(|e| give_up(&e.into()), |()| code);
        }
    };
    let result = match cli.command {
        Command::Serve(args) => serve::serve(&args, cli.output),
        Command::Dev(args) => return serve::dev(&args, cli.output).unwrap_or_else(|failure| give_up(&failure)),
        Command::Topic(args) => topic::run(args, cli.output),
        Command::Produce(args) => produce::run(&args, cli.output),
        Command::Consume(args) => consume::run(&args, cli.output),
        Command::Log(LogCommand::Dump(args)) => dump::run(&args, cli.output),
        Command::Sim(command) => sim::run(&command, cli.output),
        Command::Completions { shell } => {
            // Into memory first: the generator panics where nobody reads on.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ottla", &mut script);
            std::io::stdout().write_all(&script).map_err(failure::Failure::from)
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => give_up(&failure),
    }
}

fn give_up(failure: &failure::Failure) -> ExitCode {
    failure.print();
    ExitCode::from(failure.code())
}
