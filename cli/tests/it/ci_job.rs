//! The ready-made check for users, `examples/ci/rederive.yml`: its commands are run as they stand there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::sandbox::Sandbox;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// What of a workflow is run: its variables, and its commands with the names of their steps.
struct Job {
    variables: Vec<(String, String)>,
    steps: Vec<(String, String)>,
}

impl Job {
    /// Reads the plain YAML that the file is written in: `env` at the top, and steps of `- name` and a `run` of one line.
    fn parse(text: &str) -> Self {
        let (mut variables, mut steps, mut name, mut in_env) = (Vec::new(), Vec::new(), String::new(), false);
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty()) {
            assert!(!line.contains('\t'), "{line:?} is no YAML");
            let indent = line.len() - line.trim_start().len();
            if indent == 0 {
                in_env = line == "env:";
            }
            let Some((key, value)) = line.trim().split_once(": ") else { continue };
            match (key, indent) {
                (_, 2) if in_env => variables.push((key.to_owned(), value.to_owned())),
                ("- name", 6) => value.clone_into(&mut name),
                ("run", 8) => steps.push((std::mem::take(&mut name), value.to_owned())),
                _ => {}
            }
        }
        Self { variables, steps }
    }

    /// Runs a step as the runner's shell does, with the tool on the path and the job's variables.
    fn run(&self, command: &str, sandbox: &Sandbox) -> Output {
        let tool = Path::new(env!("CARGO_BIN_EXE_rederive")).parent().unwrap();
        let path = format!("{}:{}", tool.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("bash");
        shell.args(["-e", "-o", "pipefail", "-c", command]).current_dir(sandbox.path("")).env("PATH", path);
        shell.envs(self.variables.iter().map(|(name, value)| (name, value))).output().unwrap()
    }
}

/// A folder as the job finds it: a bundle, three runs under a key, its trust roots, a registry and texts to plant.
fn checked_out(job: &Job) -> Sandbox {
    let mut sandbox = Sandbox::with_run();
    let value = |name: &str| &job.variables.iter().find(|(of, _)| of == name).unwrap().1;
    std::fs::create_dir(sandbox.path(value("TRACES"))).unwrap();
    let trace = |name: &str| format!("{}/{name}.rdt", value("TRACES"));
    sandbox.record(&trace("one"), &["--key", "key", "--reproducible", "one"], &crate::sandbox::drafts());
    sandbox.record(&trace("two"), &["--key", "key", "--reproducible", "two"], &crate::sandbox::drafts());
    sandbox.write(value("TRUST"), sandbox.read("key.roots.json"));
    sandbox.write(value("REGISTRY"), std::fs::read(project("examples/tools.json")).unwrap());
    sandbox.write(value("PLANT"), std::fs::read(project("examples/ci/injections.txt")).unwrap());
    // A run with a call after something came in: texts are planted into that.
    sandbox.write("invoice.json", std::fs::read(project("examples/invoice.json")).unwrap());
    let import = ["import", "chat", "invoice.json", "--key", "key", "--out", value("TRACES")];
    assert_eq!(sandbox.quietly(&import, b"").exit, 0);
    for file in ["manifest.json", "policies", "tests"] {
        copy(&sandbox, &project("policies/default").join(file), &format!("{}/{file}", value("BUNDLE")));
    }
    sandbox
}

fn copy(sandbox: &Sandbox, from: &Path, to: &str) {
    if from.is_file() {
        return sandbox.write(to, std::fs::read(from).unwrap());
    }
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        copy(sandbox, &path, &format!("{to}/{}", path.file_name().unwrap().to_str().unwrap()));
    }
}

fn job() -> Job {
    Job::parse(&std::fs::read_to_string(project("examples/ci/rederive.yml")).unwrap())
}

/// The steps that run the tool, and that one of each kind is there.
fn checks(job: &Job) -> Vec<&(String, String)> {
    let checks: Vec<_> = job.steps.iter().filter(|(_, run)| run.starts_with("rederive ")).collect();
    for command in [
        "policy check",
        "policy test",
        "replay",
        "explore \"$TRACES\" --policy",
        "explore \"$TRACES\" --trust",
    ] {
        let begins = format!("rederive {command} ");
        assert!(checks.iter().any(|(_, run)| run.starts_with(&begins)), "no step runs {command}");
    }
    checks
}

#[test]
fn the_ready_made_job_passes_over_a_sound_bundle_and_sound_runs() {
    let job = job();
    let sandbox = checked_out(&job);
    for (name, run) in checks(&job) {
        let ended = job.run(run, &sandbox);
        let said = [ended.stdout, ended.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(ended.status.success(), "{name}: {run}\n{}", said.concat());
    }
}

#[test]
fn the_ready_made_job_fails_where_something_is_wrong() {
    let job = job();
    let failing = |harm: &dyn Fn(&Sandbox)| {
        let sandbox = checked_out(&job);
        harm(&sandbox);
        let failed = checks(&job).into_iter().filter(|(_, run)| !job.run(run, &sandbox).status.success());
        failed.map(|(_, run)| run.split(' ').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let edited = failing(&|sandbox| sandbox.change("traces/one.rdt", |bytes| bytes[300] ^= 4));
    assert!(edited.contains(&"replay".to_owned()), "{edited:?}");
    let strange = failing(&|sandbox| {
        let text = sandbox.read_text("key.roots.json").replace("\"recorder\"", "\"gate\"");
        sandbox.write("trust.json", text);
    });
    assert!(strange.contains(&"replay".to_owned()), "{strange:?}");
    let changed = failing(&|sandbox| {
        sandbox.change("policies/default/policies/read.cedar", |policy| policy.extend_from_slice(b"\n"));
    });
    assert!(changed.iter().filter(|command| *command == "policy").count() == 2, "{changed:?}");
    let open = failing(&|sandbox| {
        sandbox.write(
            "policies/default/policies/all.cedar",
            "@id(\"all\") permit (principal, action, resource);",
        );
        for file in ["change", "read", "weighty"] {
            std::fs::remove_file(sandbox.path(&format!("policies/default/policies/{file}.cedar"))).unwrap();
        }
        let tools = sandbox.read_text("tools.json").replace("\"purchase\"", "\"write\"");
        sandbox.write("tools.json", tools.replace("\"reversible\": false", "\"reversible\": true"));
        rederive_policy::bundle::update(&sandbox.path("policies/default")).unwrap();
    });
    assert!(
        open.contains(&"explore".to_owned()),
        "a bundle that permits whatever a planted text says: {open:?}"
    );
}
