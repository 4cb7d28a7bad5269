//! A C program that is compiled here and counted from outside: it does what a line says, and answers.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use bench_core::preload::{PreloadFolder, PreloadReading};
use tempfile::TempDir;

/// The library, which cargo puts beside the test.
pub fn library() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libmembench_preload.so")
}

/// A running script, counted.
pub struct Program {
    _folder: TempDir,
    pub counts: PreloadFolder,
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

/// Compiles the script; `None` where there is no C compiler, which is told.
pub fn compiled(folder: &Path, flags: &[&str]) -> Option<PathBuf> {
    let program = folder.join("script");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/counted/script.c");
    let mut command = Command::new("cc");
    command.args(["-O0", "-fno-builtin", "-pthread"]).args(flags).arg(source).arg("-o").arg(&program);
    match command.status() {
        Ok(status) if status.success() => Some(program),
        Ok(_) if flags.contains(&"-static") => {
            println!("skipped: no C library to link statically");
            None
        }
        Ok(status) => panic!("cc: {status}"),
        Err(_) => {
            println!("skipped: no cc");
            None
        }
    }
}

impl Program {
    /// Starts the script, compiled with these flags; `None` where there is no C compiler.
    pub fn start(flags: &[&str]) -> Option<Program> {
        let folder = tempfile::tempdir().unwrap();
        let path = compiled(folder.path(), flags)?;
        let counts = PreloadFolder::create(&library()).unwrap();
        let mut command = Command::new(path);
        command.arg("say when you are there").envs(counts.environment());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut program = Program { _folder: folder, counts, child, stdin, stdout };
        program.answer();
        Some(program)
    }

    /// Has the program do it, and waits until it has: what it answers.
    pub fn does(&mut self, line: &str) -> u64 {
        self.is_told(line);
        self.answer()
    }

    /// Tells the program, and does not wait.
    pub fn is_told(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    /// What it answers next.
    pub fn answer(&mut self) -> u64 {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim().strip_prefix("ok ").expect(&line).parse().unwrap()
    }

    pub fn read(&mut self) -> PreloadReading {
        self.counts.read(self.child.id()).unwrap()
    }

    pub fn mark(&mut self) -> PreloadReading {
        self.counts.mark(self.child.id()).unwrap()
    }

    /// Waits for its end.
    pub fn ends(&mut self) {
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
