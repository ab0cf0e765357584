//! `upload`, `deploy` and `rollback`: bundles on their way to the instances.

use super::super::context::{Context, Failure, Stop};
use super::super::files::{sha256, slowly};
use super::super::pursuit::Pursuit;
use super::super::target::Target;
use super::act::{Act, Done, plain_text};
use crate::cloud::{Observed, Present};
use crate::eval::{self, Attrs, Value};

/// How many digits of a bundle's SHA-256 are its version.
const VERSION_DIGITS: usize = 12;

/// A file that is deployed or uploaded.
struct Bundle {
    /// As the user wrote it.
    shown: String,
    /// As it can be opened.
    path: String,
    /// SHA-256 in hexadecimal.
    sha256: String,
}

impl Bundle {
    async fn read(act: &Act<'_, '_>, path: &Value) -> Result<Self, Stop> {
        let shown = act.text("the path", path)?;
        let path = act.ctx.job.world.path(&shown);
        let (file, name) = (path.clone(), shown.clone());
        let sha256 = slowly(move || sha256(&file, &name)).await?;
        let path = std::path::absolute(&path).unwrap_or(path).to_string_lossy().into_owned();
        Ok(Self { shown, path, sha256 })
    }

    /// What `${version}` stands for.
    fn version(&self) -> &str {
        self.sha256.get(..VERSION_DIGITS).unwrap_or(&self.sha256)
    }

    /// A label or key with the version in it.
    fn label(&self, what: &str, label: &Value) -> Result<String, Stop> {
        let version = |node: &str, output: &str| {
            (node.is_empty() && output == "version").then(|| Value::from(self.version()))
        };
        plain_text(what, &eval::resolve(label, &version))
    }

    fn object(&self, act: &Act<'_, '_>, bucket: &str, key: &str, of: &[&str]) -> Target {
        let attrs = attrs([
            ("bucket", bucket.into()),
            ("key", key.into()),
            ("path", self.path.as_str().into()),
            ("sha256", self.sha256.as_str().into()),
        ]);
        act.part("object", "s3.object", &format!("{bucket}/{key}"), attrs, of)
    }
}

pub(in super::super) fn attrs<const N: usize>(pairs: [(&str, Value); N]) -> Attrs {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) async fn upload(act: &Act<'_, '_>, path: &Value, bucket: &str, key: &Value) -> Result<Done, Stop> {
    let bundle = Bundle::read(act, path).await?;
    let key = bundle.label("the key", key)?;
    act.say(format!("upload {} to {bucket} as {key}", bundle.shown));
    act.started(Attrs::new())?;
    let name = text_output(act, bucket, "name").unwrap_or_else(|| act.name_of(bucket));
    let made = act.make(bundle.object(act, &name, &key, &[bucket])).await?;
    let result = if made.calls == 0 { "is there already" } else { "uploaded" };
    let facts = attrs([
        ("bucket", name.into()),
        ("key", key.into()),
        ("sha256", bundle.sha256.into()),
        ("changed", Value::Bool(made.calls > 0)),
    ]);
    Ok(Done { result: result.to_owned(), facts })
}

pub(super) async fn deploy(
    act: &Act<'_, '_>,
    path: &Value,
    environment: &str,
    label: &Value,
) -> Result<Done, Stop> {
    let bundle = Bundle::read(act, path).await?;
    let label = bundle.label("the label", label)?;
    act.say(format!("deploy {label} to {environment}"));
    let application = application(act, environment)?;
    let deployment = deployment(act, environment, &application, &label);
    let before = running(act, &deployment).await?;
    let facts =
        act.started(attrs([("environment", environment.into()), ("version", before.clone().into())]))?;

    let storage = act.make(act.part("storage", "beanstalk.storage", "", Attrs::new(), &[])).await?;
    let bucket = storage.present.outputs.get("bucket").and_then(Value::as_str).map(str::to_owned);
    let bucket = bucket.ok_or_else(|| Failure::new("AWS named no bucket for application versions"))?;
    let kind = std::path::Path::new(&bundle.path).extension().map(|kind| kind.to_string_lossy());
    let kind = kind.map_or_else(|| "zip".to_owned(), |kind| kind.to_lowercase());
    let key = format!("vpipe/{application}/{}.{kind}", bundle.sha256);
    let object = act.make(bundle.object(act, &bucket, &key, &[environment])).await?;
    let version = attrs([
        ("application", application.as_str().into()),
        ("label", label.as_str().into()),
        ("bucket", bucket.into()),
        ("key", key.into()),
        ("description", format!("sha256 {}", bundle.sha256).into()),
    ]);
    let version = act.make(act.part("version", "beanstalk.version", &label, version, &[environment])).await?;
    let made = act.make(deployment).await?;

    let calls = object.calls + version.calls + made.calls;
    let first = facts.get("version").and_then(Value::as_str).map(str::to_owned);
    let changed = made.calls > 0 || first.as_deref() != Some(&label);
    let result = match (calls, made.present.note) {
        (0, _) => format!("{label} runs already, nothing to do"),
        (_, Some(note)) => format!("{label} runs; {note}"),
        (_, None) => format!("{label} runs"),
    };
    let facts = attrs([
        ("environment", environment.into()),
        ("version", label.into()),
        ("sha256", bundle.sha256.into()),
        ("changed", Value::Bool(changed)),
    ]);
    Ok(Done { result, facts })
}

pub(super) async fn rollback(act: &Act<'_, '_>, environment: &str) -> Result<Done, Stop> {
    let before = act.ctx.with(|state| state.history.progress.versions.get(environment).cloned());
    let label = match &before {
        Some(Value::String(label)) => label.clone(),
        other => {
            act.say(format!("rollback {environment}"));
            act.started(Attrs::new())?;
            let why = match other {
                None => "nothing was deployed, nothing to do",
                Some(_) => "no version of this application ran before, nothing to return to",
            };
            return Ok(Done::new(why));
        }
    };
    act.say(format!("rollback {environment} to {label}"));
    act.started(Attrs::new())?;
    let application = application(act, environment)?;
    let made = act.make(deployment(act, environment, &application, &label)).await?;
    let result = match made.calls {
        0 => format!("{label} runs already, nothing to do"),
        _ => format!("{label} runs again"),
    };
    let facts = attrs([("environment", environment.into()), ("version", label.into())]);
    Ok(Done { result, facts })
}

fn deployment(act: &Act<'_, '_>, environment: &str, application: &str, label: &str) -> Target {
    let name = act.name_of(environment);
    let attrs = deployment_of(&name, application, label);
    act.part("deployment", "beanstalk.deployment", &name, attrs, &[environment])
}

/// What a deployment to an environment of a name is made with.
pub(in super::super) fn deployment_of(environment: &str, application: &str, label: &str) -> Attrs {
    attrs([("environment", environment.into()), ("application", application.into()), ("label", label.into())])
}

/// The label that a deployment would give to its bundle as it is now; none while the bundle is not there, or the
/// label needs what is not known yet.
pub(in super::super) async fn would_deploy(ctx: &Context<'_>, path: &Value, label: &Value) -> Option<String> {
    let path = ctx.job.world.path(path.as_str()?);
    let sha256 = slowly(move || sha256(&path, "")).await.ok()?;
    let bundle = Bundle { shown: String::new(), path: String::new(), sha256 };
    bundle.label("the label", label).ok()
}

/// The label that an environment runs now; none when it runs no version yet.
async fn running(act: &Act<'_, '_>, deployment: &Target) -> Result<Option<String>, Stop> {
    match Pursuit::new(act.ctx, deployment.clone())?.observe().await? {
        Observed::Present(present) => Ok(label_of(&present)),
        Observed::Absent => {
            Err(Failure::new(format!("there is no environment named `{}`", deployment.name)).into())
        }
    }
}

pub(in super::super) fn label_of(present: &Present) -> Option<String> {
    present.attrs.get("label").and_then(Value::as_str).filter(|label| !label.is_empty()).map(str::to_owned)
}

/// The name of an environment's application.
fn application(act: &Act<'_, '_>, environment: &str) -> Result<String, Failure> {
    let node = act.ctx.job.manifest.nodes.get(environment);
    let given = node.and_then(|node| match node.attrs.get("application") {
        Some(Value::Handle(application)) => Some(act.name_of(application)),
        Some(Value::String(name)) => Some(name.clone()),
        _ => None,
    });
    // A look-up does not say its application; AWS does.
    let found = || {
        act.ctx.with(|state| {
            let present = state.live.get(environment)?;
            let name = present.attrs.get("application").or_else(|| present.outputs.get("application"))?;
            name.as_str().map(str::to_owned)
        })
    };
    given.or_else(found).ok_or_else(|| {
        Failure::new(format!("the application of `{environment}` is not known"))
            .help("declare the environment in this file, with its `application`")
    })
}

/// An output that is a text.
pub(super) fn text_output(act: &Act<'_, '_>, node: &str, output: &str) -> Option<String> {
    act.ctx.output(node, output)?.as_str().map(str::to_owned)
}
