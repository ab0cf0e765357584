//! The smallest IAM policy with which a manifest can be planned, run and destroyed: what the drivers of its kinds and of
//! its rollout actions ask of AWS, on the resources of their names.

use indexmap::IndexMap;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

use super::job::Drivers;
use crate::cloud::permission::{Condition, When, actions};
use crate::cloud::{Driver, Permission, SURVEYS, partition, stored_permission};
use crate::eval::{ActionKind, Attrs, Manifest, StoredSecret, Value};
use crate::schema::kind_names;

/// The most characters, white space aside, that a managed policy may have (IAM user guide, "IAM and AWS STS quotas").
pub const LARGEST: usize = 6144;

/// An IAM policy, as `aws iam create-policy` takes it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

/// A statement of a policy.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: String,
    effect: &'static str,
    action: Vec<String>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<BTreeMap<&'static str, BTreeMap<&'static str, Vec<String>>>>,
}

impl Policy {
    /// The same in as many policies as it takes for each to be no larger than AWS allows.
    pub fn split(self) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        for statement in self.statement {
            match parts.last_mut() {
                Some(part) if part.size() + statement.size() < LARGEST => part.statement.push(statement),
                _ => parts.push(Self { version: self.version, statement: vec![statement] }),
            }
        }
        parts
    }

    /// How many characters it has, white space aside, as AWS counts them.
    pub fn size(&self) -> usize {
        size(self)
    }
}

impl Statement {
    fn size(&self) -> usize {
        // With the comma before it.
        size(self) + 1
    }
}

fn size(part: &impl Serialize) -> usize {
    serde_json::to_string(part).unwrap_or_default().chars().filter(|c| !c.is_whitespace()).count()
}

/// A right to do one thing with one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    when: When,
    condition: Option<Condition>,
    action: String,
    resource: String,
}

impl Right {
    /// Whether whoever has this one needs no other.
    fn covers(&self, other: &Self) -> bool {
        self.when <= other.when
            && (self.condition.is_none() || self.condition == other.condition)
            && fits(&self.action, &other.action)
            && fits(&self.resource, &other.resource)
    }
}

/// Whether a pattern with a `*` at its end, or none, covers a text or another pattern.
fn fits(pattern: &str, text: &str) -> bool {
    pattern == text || pattern.strip_suffix('*').is_some_and(|start| text.starts_with(start))
}

/// The policy for some of the commands, in an account; `*` stands for any. `stored` are the secrets that are read from the
/// cloud's stores.
pub fn policy<'s>(
    manifest: &Manifest,
    stored: impl IntoIterator<Item = &'s StoredSecret>,
    drivers: &Drivers,
    whens: &[When],
    account: &str,
) -> Policy {
    let asking = Asking { manifest, account };
    asking.policy(stored, drivers, |permission| whens.contains(&permission.when))
}

/// The policy for `vpipe import --adopt`: it looks at what the file declares and tags what it adopts.
pub fn adopting<'s>(
    manifest: &Manifest,
    stored: impl IntoIterator<Item = &'s StoredSecret>,
    drivers: &Drivers,
    account: &str,
) -> Policy {
    let asking = Asking { manifest, account };
    asking.policy(stored, drivers, |permission| permission.when == When::Look || permission.tags)
}

/// The policy with which `vpipe import` prints blocks of anything in the library: it only looks, and knows no names
/// beforehand.
pub fn importing(drivers: &Drivers, account: &str) -> Policy {
    let any = || "*".to_owned();
    let manifest = Manifest {
        pipeline: any(),
        stage: None,
        production: false,
        region: any(),
        tags: IndexMap::new(),
        nodes: IndexMap::new(),
        rollout: Vec::new(),
        on_failure: Vec::new(),
        outputs: Attrs::new(),
        secrets: Vec::new(),
    };
    let asking = Asking { manifest: &manifest, account };
    let mut rights = BTreeSet::new();
    let subject =
        |kind: &str| Subject { kind: kind.to_owned(), name: any(), existing: true, ..Subject::default() };
    for subject in kind_names().map(subject) {
        let looks = drivers(&subject.kind).map(Driver::permissions).unwrap_or_default().iter();
        for permission in looks.filter(|permission| permission.when == When::Look) {
            rights.extend(asking.rights(permission, &subject));
        }
    }
    SURVEYS.iter().for_each(|permission| rights.extend(asking.rights(permission, &subject("any"))));
    asking.smallest(&rights)
}

/// Something that a driver is asked for.
#[derive(Default)]
struct Subject {
    kind: String,
    name: String,
    attrs: Attrs,
    existing: bool,
}

struct Asking<'a> {
    manifest: &'a Manifest,
    account: &'a str,
}

impl Asking<'_> {
    /// The policy for the permissions that are meant, of everything that the manifest asks for.
    fn policy<'s>(
        &self,
        stored: impl IntoIterator<Item = &'s StoredSecret>,
        drivers: &Drivers,
        meant: impl Fn(&Permission) -> bool,
    ) -> Policy {
        let mut rights: BTreeSet<Right> = stored.into_iter().map(|secret| self.to_read(secret)).collect();
        for subject in self.subjects() {
            let Some(driver) = drivers(&subject.kind) else { continue };
            for permission in driver.permissions() {
                if meant(permission) && self.applies(permission, &subject) {
                    rights.extend(self.rights(permission, &subject));
                }
            }
        }
        self.smallest(&rights)
    }

    /// Without what others cover.
    fn smallest(&self, rights: &BTreeSet<Right>) -> Policy {
        let covered = |right: &&Right| !rights.iter().any(|other| other != *right && other.covers(right));
        let needed: Vec<Right> = rights.iter().filter(covered).cloned().collect();
        Policy { version: "2012-10-17", statement: self.statements(needed) }
    }

    /// The nodes of the manifest, and what its rollout makes.
    fn subjects(&self) -> Vec<Subject> {
        let nodes = self.manifest.nodes.values().map(|node| Subject {
            kind: node.kind.clone(),
            name: node.name.clone(),
            attrs: node.attrs.clone(),
            existing: node.existing,
        });
        let steps = self.manifest.rollout.iter().flatten().flat_map(|step| &step.actions);
        let actions = steps.chain(&self.manifest.on_failure);
        nodes.chain(actions.flat_map(|action| self.parts(&action.kind))).collect()
    }

    fn parts(&self, action: &ActionKind) -> Vec<Subject> {
        let part = |kind: &str, attrs: &[(&str, &str)]| Subject {
            kind: kind.to_owned(),
            name: String::new(),
            attrs: attrs.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect(),
            existing: false,
        };
        match action {
            ActionKind::Upload { bucket, key, .. } => {
                let key = key.as_str().unwrap_or("*");
                vec![part("s3.object", &[("bucket", self.name_of(bucket)), ("key", key)])]
            }
            ActionKind::Deploy { environment, .. } => {
                let application = self.application(environment);
                let bucket = format!("elasticbeanstalk-{}-{}", self.manifest.region, self.account);
                let key = format!("vpipe/{application}/*");
                let environment = self.name_of(environment);
                vec![
                    part("beanstalk.storage", &[]),
                    part("s3.object", &[("bucket", &bucket), ("key", &key)]),
                    part("beanstalk.version", &[("application", application)]),
                    part(
                        "beanstalk.deployment",
                        &[("environment", environment), ("application", application)],
                    ),
                ]
            }
            ActionKind::Rollback { environment } => {
                let (name, application) = (self.name_of(environment), self.application(environment));
                vec![part("beanstalk.deployment", &[("environment", name), ("application", application)])]
            }
            ActionKind::Invalidate { .. } => vec![part("cloudfront.invalidation", &[])],
            ActionKind::Swap { a, b } => {
                let application = self.application(a);
                let sides = [("a", self.name_of(a)), ("b", self.name_of(b)), ("application", application)];
                vec![part("beanstalk.swap", &sides)]
            }
            ActionKind::Run { .. }
            | ActionKind::Render { .. }
            | ActionKind::Bundle { .. }
            | ActionKind::Expect(_)
            | ActionKind::Approve { .. }
            | ActionKind::Wait(_) => Vec::new(),
        }
    }

    fn name_of<'n>(&'n self, node: &'n str) -> &'n str {
        self.manifest.nodes.get(node).map_or(node, |node| node.name.as_str())
    }

    /// The name of an environment's application, where the file says it.
    fn application(&self, environment: &str) -> &str {
        let node = self.manifest.nodes.get(environment);
        match node.and_then(|node| node.attrs.get("application")) {
            Some(Value::Handle(application)) => self.name_of(application),
            Some(Value::String(name)) => name,
            _ => "*",
        }
    }

    fn applies(&self, permission: &Permission, subject: &Subject) -> bool {
        let of_kind = |kind: &str| {
            let refers = |node: &str| self.manifest.nodes.get(node).is_some_and(|node| node.kind == kind);
            let nodes = subject.attrs.values().flat_map(super::target::handles_of);
            nodes.into_iter().any(|node| refers(&node))
        };
        (permission.when == When::Look || !subject.existing) && permission.beside.is_none_or(of_kind)
    }

    /// Secrets are read before anything is looked at. That a key of the user's own encrypts one is not known.
    fn to_read(&self, secret: &StoredSecret) -> Right {
        let (operation, on) = stored_permission(secret);
        let resource = self.filled(&format!("arn:{{partition}}:{on}"), &Subject::default());
        Right { when: When::Look, condition: None, action: operation.to_owned(), resource }
    }

    fn rights(&self, permission: &Permission, subject: &Subject) -> Vec<Right> {
        let actions = actions(permission.operation);
        let each = permission.on.iter().flat_map(|pattern| self.each(pattern, subject));
        let resources = each.map(|pattern| match pattern.as_str() {
            "*" => pattern,
            _ => self.filled(&format!("arn:{{partition}}:{pattern}"), subject),
        });
        let right = |(action, resource): (&str, &String)| Right {
            when: permission.when,
            condition: permission.condition,
            action: action.to_owned(),
            resource: resource.clone(),
        };
        let resources: Vec<String> = resources.collect();
        let pairs = actions.iter().flat_map(|action| resources.iter().map(move |on| (*action, on)));
        pairs.map(right).collect()
    }

    /// A pattern that stands for several resources, once for each: `{every KIND}` for those of the kind that the subject
    /// refers to, and those of IAM, which have paths, as [`Permission::on`] tells.
    fn each(&self, pattern: &str, subject: &Subject) -> Vec<String> {
        let whole = pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')?.split_once(' '));
        let of = |attribute: &str| subject.attrs.get(attribute).unwrap_or(&Value::None);
        match whole {
            Some(("own", sort)) => return of_iam(sort, &subject.name, &subject.attrs, subject.existing),
            Some(("role", attribute)) => return self.named(ROLE, of(attribute)),
            Some(("profile", attribute)) => return self.named(PROFILE, of(attribute)),
            Some(("roles", attribute)) => return self.handed_on(of(attribute)),
            _ => {}
        }
        let parts =
            pattern.split_once("{every ").and_then(|(start, rest)| Some((start, rest.split_once('}')?)));
        let Some((start, (kind, end))) = parts else { return vec![pattern.to_owned()] };
        let nodes = subject.attrs.values().flat_map(super::target::handles_of);
        if self.manifest.nodes.is_empty() {
            return vec![format!("{start}*{end}")];
        }
        let of_kind = nodes.filter(|id| self.manifest.nodes.get(id).is_some_and(|node| node.kind == kind));
        of_kind.map(|id| format!("{start}{}{end}", self.name_of(&id))).collect()
    }

    /// The roles or instance profiles (`sort` of resource) that a value names: by themselves, by ARN or by name.
    fn named(&self, sort: &str, value: &Value) -> Vec<String> {
        match value {
            Value::Handle(id) => match self.manifest.nodes.get(id) {
                Some(node) => of_iam(sort, &node.name, &node.attrs, node.existing),
                None => somewhere(sort, "*"),
            },
            value => match value.as_str() {
                // All but `arn:` and its partition.
                Some(arn) if arn.starts_with("arn:") => {
                    arn.splitn(3, ':').skip(2).map(str::to_owned).collect()
                }
                Some(name) => somewhere(sort, name),
                None => somewhere(sort, "*"),
            },
        }
    }

    /// The role that an instance profile hands on. What the file does not make may hand on any, except for the profile of
    /// AWS's own, whose role has the same name.
    fn handed_on(&self, profile: &Value) -> Vec<String> {
        if let Value::Handle(id) = profile
            && let Some(node) = self.manifest.nodes.get(id).filter(|node| !node.existing)
        {
            return self.named(ROLE, node.attrs.get("role").unwrap_or(&Value::None));
        }
        match profile.as_str() {
            Some(name) if name == AWS_PROFILE => self.named(ROLE, profile),
            _ => vec![format!("iam::{{account}}:{ROLE}/*")],
        }
    }

    /// A pattern with its places filled.
    fn filled(&self, pattern: &str, subject: &Subject) -> String {
        let mut out = String::new();
        let mut rest = pattern;
        while let Some((before, (place, after))) =
            rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
        {
            out.push_str(before);
            out.push_str(&self.place(place, subject));
            rest = after;
        }
        out + rest
    }

    fn place(&self, place: &str, subject: &Subject) -> String {
        let attribute = |name: &str| match subject.attrs.get(name)? {
            Value::Handle(node) => Some(self.name_of(node)),
            // Of what is given as an ARN or with a path, the name.
            value => value.as_str().map(|text| if name == "key" { text } else { last(text) }),
        };
        let region = attribute("region").unwrap_or(&self.manifest.region);
        match place {
            "partition" => partition(region).to_owned(),
            "region" => region.to_owned(),
            "account" => self.account.to_owned(),
            "here" => format!("{region}:{}", self.account),
            "pipeline" => self.manifest.pipeline.clone(),
            "name" => subject.name.clone(),
            name => attribute(name).unwrap_or("*").to_owned(),
        }
    }

    /// As few statements as can be without giving an action more resources of any of its types.
    fn statements(&self, rights: Vec<Right>) -> Vec<Statement> {
        let mut by_action: BTreeMap<(When, Option<Condition>, String), Resources> = BTreeMap::new();
        for Right { when, condition, action, resource } in rights {
            let resources = by_action.entry((when, condition, action)).or_default();
            resources.entry(kind_of(&resource)).or_default().insert(resource);
        }
        let mut groups: Vec<Group> = Vec::new();
        for ((when, condition, action), resources) in by_action {
            match groups.iter_mut().find(|group| group.takes(when, condition, &resources)) {
                Some(group) => group.add(action, resources),
                None => groups.push(Group { when, condition, actions: vec![action], resources }),
            }
        }
        let mut sids: BTreeMap<String, usize> = BTreeMap::new();
        let statement = |group: Group| {
            let sid = group.sid();
            let count = sids.entry(sid.clone()).or_default();
            *count += 1;
            Statement {
                sid: if *count == 1 { sid } else { format!("{sid}{}", letter(*count)) },
                effect: "Allow",
                action: group.actions,
                resource: group.resources.into_values().flatten().collect(),
                condition: self.condition(group.condition),
            }
        };
        groups.into_iter().map(statement).collect()
    }

    fn condition(
        &self,
        condition: Option<Condition>,
    ) -> Option<BTreeMap<&'static str, BTreeMap<&'static str, Vec<String>>>> {
        let Condition { operator, key, values } = condition?;
        let values = values.iter().map(|value| self.filled(value, &Subject::default())).collect();
        Some([(operator, [(key, values)].into())].into())
    }
}

/// Sorts of resources of IAM, as ARNs have them.
const ROLE: &str = "role";
const PROFILE: &str = "instance-profile";
/// The instance profile that Beanstalk's console makes, with a role of the same name (Beanstalk developer guide, "Managing
/// Elastic Beanstalk instance profiles").
const AWS_PROFILE: &str = "aws-elasticbeanstalk-ec2-role";

/// A role or instance profile of the file, which says its path, or one that is looked up.
fn of_iam(sort: &str, name: &str, attrs: &Attrs, existing: bool) -> Vec<String> {
    let text = |attribute: &str| attrs.get(attribute).and_then(Value::as_str);
    match existing {
        true => somewhere(sort, text("name").unwrap_or(name)),
        false => vec![format!("iam::{{account}}:{sort}{}{name}", text("path").unwrap_or("/"))],
    }
}

/// A role or instance profile of which nobody says the path.
fn somewhere(sort: &str, name: &str) -> Vec<String> {
    ["", "*/"].map(|path| format!("iam::{{account}}:{sort}/{path}{name}")).to_vec()
}

fn last(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// Resources by their type.
type Resources = BTreeMap<String, BTreeSet<String>>;

/// A statement in the making.
struct Group {
    when: When,
    condition: Option<Condition>,
    actions: Vec<String>,
    resources: Resources,
}

impl Group {
    /// Whether an action on some resources can stand here: of each type that both have, the resources are the same.
    /// Where the types differ, AWS looks only at those that an action knows.
    fn takes(&self, when: When, condition: Option<Condition>, resources: &Resources) -> bool {
        let service = |resources: &Resources| {
            let first = resources.keys().next().map(String::as_str).unwrap_or_default();
            first.split(' ').next().unwrap_or_default().to_owned()
        };
        self.when == when
            && self.condition == condition
            && service(&self.resources) == service(resources)
            && resources.iter().all(|(kind, some)| self.resources.get(kind).is_none_or(|own| own == some))
    }

    fn add(&mut self, action: String, resources: Resources) {
        self.actions.push(action);
        self.resources.extend(resources);
    }

    /// `PlanRds`: the command that first needs it, and the service; `Any` where it is about no resource in particular.
    fn sid(&self) -> String {
        let command = match self.when {
            When::Look => "Plan",
            When::Change => "Run",
            When::Delete => "Destroy",
        };
        let service = match self.resources.contains_key("*") {
            true => "any",
            false => self.actions.first().and_then(|action| action.split(':').next()).unwrap_or_default(),
        };
        let mut letters = service.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        command.chars().chain(first).chain(letters).collect()
    }
}

/// The service and type of an ARN: `rds db`, `s3 bucket`; `*` of `*`.
fn kind_of(arn: &str) -> String {
    let mut fields = arn.splitn(6, ':').skip(2);
    let (service, resource) = (fields.next().unwrap_or("*"), fields.nth(2).unwrap_or_default());
    match (service, resource.contains('/')) {
        ("*", _) => "*".to_owned(),
        ("s3", false) => "s3 bucket".to_owned(),
        ("s3", true) => "s3 object".to_owned(),
        _ => format!("{service} {}", resource.split([':', '/']).next().unwrap_or_default()),
    }
}

/// `B` for the second of a name.
fn letter(count: usize) -> char {
    u8::try_from(count).ok().and_then(|count| (b'A' - 1).checked_add(count)).map_or('Z', char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_begins_as_it_does() {
        assert!(fits("ec2:Describe*", "ec2:DescribeVpcs"));
        assert!(fits("*", "arn:aws:rds:x:y:db:z"));
        assert!(fits("ec2:Describe*", "ec2:Describe*"));
        assert!(!fits("ec2:DescribeVpcs", "ec2:Describe*"));
    }

    #[test]
    fn what_is_only_allowed_under_a_condition_covers_nothing_else() {
        let right = |when, condition| Right {
            when,
            condition,
            action: "ec2:DeleteSecurityGroup".into(),
            resource: "*".into(),
        };
        let ours = Some(crate::cloud::permission::OURS);
        assert!(right(When::Look, None).covers(&right(When::Delete, ours)));
        assert!(!right(When::Look, ours).covers(&right(When::Delete, None)));
        assert!(!right(When::Delete, None).covers(&right(When::Look, None)));
    }
}
