//! `policy`: bundles checked, tested, named and archived.

mod test;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::decision::Directive;
use rederive_policy::bundle::{Store, update};
use rederive_policy::{Bundle, BundleFault, Compiled, compile};
use serde::Serialize;

use self::test::Test;
use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::shown;
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::text::counted;
use crate::words::bundle::{unarchived, unusable};

/// Check, test, name and archive policy bundles.
#[derive(Subcommand)]
pub(crate) enum Policy {
    /// Say whether a bundle can be used, and what is in it.
    Check(Check),
    /// Run the tests that a bundle brings.
    Test(Test),
    /// Print a bundle's digest.
    Digest(DigestOf),
    /// Archive a bundle under its digest, where replay finds it.
    Import(Import),
}

impl Policy {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        match self {
            Self::Check(check) => check.run(terminal),
            Self::Test(test) => test.run(terminal),
            Self::Digest(digest) => digest.run(terminal),
            Self::Import(import) => import.run(terminal),
        }
    }
}

#[derive(Args)]
#[command(after_help = "\
Checked are the digest of every file, the policies against the schema (for Cedar: strictly), their names, directives and reasons, entities, \
entitlements and tests. With --strict what the engine finds odd, such as a policy that can never apply, counts as a fault. Where policies ask for an approval and no entitlement names anybody a warning says so.

Example: rederive policy check policies/default")]
pub(crate) struct Check {
    /// The bundle: a folder or a tar.
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Count warnings as faults.
    #[arg(long)]
    strict: bool,
    /// Write JSON instead of words.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(after_help = "\
The digest covers the manifest and, through it, every file: it is what runs and decisions pin. With --update the manifest of a folder is written anew for \
the files that lie there; name, version and engine stay as they are.

Example: rederive policy digest policies/mine --update")]
pub(crate) struct DigestOf {
    /// The bundle: a folder or a tar.
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// List the files of the folder anew in its manifest first.
    #[arg(long)]
    update: bool,
}

#[derive(Args)]
#[command(after_help = "\
The bundle is checked first and archived whole or not at all, as a tar named by its digest. One that is there already stays as it is.

Example: rederive policy import policies/mine --bundles bundles/")]
pub(crate) struct Import {
    /// The bundle: a folder or a tar.
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// The archive's folder; made where it is absent.
    #[arg(long, value_name = "DIR")]
    bundles: PathBuf,
}

/// What is said of a bundle whose policies ask for what nobody may give.
const NOBODY_APPROVES: &str = "policies ask for an approval and no entitlement names anybody: behind a gate what they hold stays held (entitlements.json says who may approve)";

/// What is in a bundle.
#[derive(Serialize)]
struct Contents<'a> {
    name: &'a str,
    version: &'a str,
    engine: &'a str,
    engine_version: &'a str,
    digest: Digest,
    policies: Vec<&'a str>,
    entitlements: usize,
    tests: usize,
    warnings: &'a [String],
}

/// A bundle and what its engine made of it.
pub(super) fn ready(path: &Path) -> Result<(Bundle, Compiled), Failed> {
    let bundle = read(path)?;
    let compiled = compile(&bundle).map_err(|fault| unusable(path, &fault))?;
    Ok((bundle, compiled))
}

fn read(path: &Path) -> Result<Bundle, Failed> {
    Bundle::read(path).map_err(|fault| unusable(path, &fault))
}

impl Check {
    fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let wrong = |fault: BundleFault| unusable(&self.bundle, &fault);
        let (bundle, compiled) = ready(&self.bundle)?;
        let entitlements = bundle.entitlements().map_err(wrong)?.entitlements;
        let is_odd = self.strict && !compiled.warnings().is_empty();
        let mut warnings = compiled.warnings().to_vec();
        let asks = compiled.rules().any(|rule| rule.directive == Directive::RequireApproval);
        // The bundle is sound without, and `whatif` needs none: no fault with --strict.
        if asks && entitlements.iter().all(|entitlement| entitlement.approvers.is_empty()) {
            warnings.push(NOBODY_APPROVES.to_owned());
        }
        let contents = Contents {
            name: bundle.manifest().name.as_str(),
            version: bundle.manifest().version.as_str(),
            engine: compiled.engine().as_str(),
            engine_version: compiled.engine_version().as_str(),
            digest: bundle.digest(),
            policies: compiled.rules().map(|rule| rule.id.as_str()).collect(),
            entitlements: entitlements.len(),
            tests: bundle.cases().map_err(wrong)?.len(),
            warnings: &warnings,
        };
        if self.json {
            terminal.json(&contents);
        } else {
            contents.tell(terminal);
        }
        Ok(if is_odd { Exit::Parted } else { Exit::AsAsked })
    }
}

impl Contents<'_> {
    fn tell(&self, terminal: &mut Terminal) {
        terminal.tell(&format!("{} {} for {} {}", self.name, self.version, self.engine, self.engine_version));
        terminal.tell(&format!("  digest   {}", self.digest));
        let held =
            [(self.policies.len(), "policy"), (self.entitlements, "entitlement"), (self.tests, "test")];
        let held: Vec<String> = held.iter().map(|(number, noun)| plural(*number, noun)).collect();
        terminal.tell(&format!("  holds    {}", held.join(", ")));
        for warning in self.warnings {
            terminal.report(&Problem::warning(warning.as_str()));
        }
    }
}

fn plural(number: usize, noun: &str) -> String {
    if noun == "policy" && number != 1 { format!("{number} policies") } else { counted(number as u64, noun) }
}

impl DigestOf {
    fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        if self.update && self.bundle.is_file() {
            let title =
                format!("--update lists the files of a folder anew, and {} is none", shown(&self.bundle));
            return Err(Failed::usage(Problem::error(title).hint("unpack the tar, and name the folder")));
        }
        let bundle = if self.update {
            update(&self.bundle).map_err(|fault| unusable(&self.bundle, &fault))?
        } else {
            read(&self.bundle)?
        };
        terminal.line(&bundle.digest().to_hex());
        Ok(Exit::AsAsked)
    }
}

impl Import {
    fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let (bundle, _) = ready(&self.bundle)?;
        let path =
            Store::new(&self.bundles).put(&bundle).map_err(|fault| unarchived(&self.bundles, &fault))?;
        terminal.line(&bundle.digest().to_hex());
        terminal.remark(&format!("archived as {}", path.display()));
        Ok(Exit::AsAsked)
    }
}
