//! The lamp itself: brightness, scenes, a command that blinks, an event when it is switched.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use dm::model::{Arg, Command, Event, ModelBuilder, ModelError, ObjectDef, Param};
use dm::operation::{ObjectAccess, ParamAccess};
use dm::path::{Name, SchemaPath};
use dm::schema::{Facets, KeyFacts};
use dm::{Code, Fault, Type, Value};
use engine::provider::{
    Call, CommandResult, Committed, Edit, Pending, Prepared, Provider, ProviderError, Push, Report, Row,
    RowKey, Sink,
};
use tokio::sync::watch;

/// What the lamp registers.
pub(crate) const LAMP: &str = "Device.X_CUSP_Lamp.";
const SCENE: &str = "Device.X_CUSP_Lamp.Scene.{i}.";

#[derive(Default)]
pub(crate) struct Lamp {
    state: Mutex<State>,
    sink: OnceLock<Sink>,
}

#[derive(Clone, Default)]
struct State {
    /// Percent.
    brightness: u64,
    /// Names and brightness.
    scenes: BTreeMap<String, (String, u64)>,
    made: u64,
}

impl Lamp {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn switched(&self, brightness: u64) {
        let params = vec![("Brightness".to_owned(), brightness.to_string())];
        let event =
            Push::Event { object: path(LAMP), keys: Vec::new(), name: "Switched!".to_owned(), params };
        if let Some(Sink(sink)) = self.sink.get() {
            let _ = sink.try_send(event);
        }
    }
}

fn path(text: &str) -> SchemaPath {
    SchemaPath::parse(text).expect("a literal")
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a literal")
}

fn support(model: &mut ModelBuilder) -> Result<(), ModelError> {
    let writable = |text, ty| Param { access: ParamAccess::ReadWrite, ..Param::new(name(text), ty) };
    let arg = |text: &str| Arg {
        name: text.to_owned(),
        ty: Type::UnsignedInt,
        facets: Facets::default(),
        mandatory: false,
        default: None,
    };
    let command = |text, is_async| Command {
        name: name(text),
        is_async,
        inputs: vec![arg("Times")],
        outputs: vec![arg("Blinked")],
    };
    let key = KeyFacts { functional: false, params: vec!["Name".to_owned()] };
    let scenes =
        ObjectDef { access: ObjectAccess::AddDelete, unique_keys: vec![key], ..ObjectDef::default() };
    model
        .param(LAMP, writable("Brightness", Type::UnsignedInt))?
        .command(LAMP, command("Blink", true))?
        .command(LAMP, command("BlinkNow", false))?
        .event(LAMP, Event { name: name("Switched"), args: vec![arg("Brightness")] })?
        .object(SCENE, scenes)?
        .param(SCENE, writable("Name", Type::String))?
        .param(SCENE, writable("Brightness", Type::UnsignedInt))?;
    Ok(())
}

impl Provider for Lamp {
    fn name(&self) -> &'static str {
        "lamp"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        support(model).expect("the definitions are literals");
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![path(LAMP)]
    }

    fn watch(&self, sink: Sink) -> bool {
        // Values change by writes alone, which the engine knows of.
        self.sink.set(sink).is_ok()
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        let state = self.state().clone();
        let mut rows = vec![Row {
            object: path(LAMP),
            keys: Vec::new(),
            values: vec![(name("Brightness"), Value::Uint(state.brightness))],
        }];
        rows.extend(state.scenes.into_iter().map(|(key, (text, brightness))| Row {
            object: path(SCENE),
            keys: vec![RowKey(key.into())],
            values: vec![(name("Name"), Value::text(text)), (name("Brightness"), Value::Uint(brightness))],
        }));
        Box::pin(async { Ok(Report { rows }) })
    }

    fn prepare<'a>(&'a self, changes: &'a [Edit]) -> Pending<'a, Result<Prepared, Fault>> {
        let (mut next, mut committed) = (self.state().clone(), Committed::default());
        for change in changes {
            if let Err(fault) = next.take(change, &mut committed) {
                return Box::pin(async { Err(fault) });
            }
        }
        Box::pin(async { Ok(Prepared(Box::new((next, committed)))) })
    }

    fn commit<'a>(&'a self, prepared: &'a mut Prepared) -> Pending<'a, Result<Committed, Fault>> {
        Box::pin(async {
            let Some((next, committed)) = prepared.0.downcast_mut::<(State, Committed)>() else {
                return Ok(Committed::default());
            };
            // What was there stays in `prepared`, for `abort`.
            std::mem::swap(&mut *self.state(), next);
            let brightness = self.state().brightness;
            if brightness != next.brightness {
                self.switched(brightness);
            }
            Ok(std::mem::take(committed))
        })
    }

    fn operate(&self, call: Call, _: watch::Receiver<bool>) -> Pending<'_, CommandResult> {
        let times = call.args.iter().find(|(name, _)| name == "Times").map(|(_, times)| times.clone());
        Box::pin(async { Ok(vec![("Blinked".to_owned(), times.unwrap_or_else(|| "1".to_owned()))]) })
    }
}

impl State {
    fn take(&mut self, change: &Edit, committed: &mut Committed) -> Result<(), Fault> {
        match change {
            Edit::Set { keys, param, value, .. } => {
                let percent = || percent(value);
                let scene = keys.first().and_then(|key| self.scenes.get_mut(&*key.as_ref()?.0));
                match (scene, param.as_str()) {
                    (Some((name, _)), "Name") => *name = value.expose().into_owned(),
                    (Some((_, brightness)), _) => *brightness = percent()?,
                    (None, _) => self.brightness = percent()?,
                }
            }
            Edit::Add { path, values, .. } => {
                self.made += 1;
                let key = self.made.to_string();
                let value =
                    |text| values.iter().find(|(name, _)| name.as_str() == text).map(|(_, value)| value);
                let name = value("Name").map(|value| value.expose().into_owned()).unwrap_or_default();
                let brightness = value("Brightness").map_or(Ok(0), percent)?;
                self.scenes.insert(key.clone(), (name, brightness));
                committed.keys.push((path.clone(), RowKey(key.into())));
            }
            Edit::Delete { keys, .. } => {
                let key = keys.first().cloned().flatten();
                self.scenes.retain(|known, _| Some(known.as_str()) != key.as_ref().map(|key| &*key.0));
            }
        }
        Ok(())
    }
}

fn percent(value: &Value) -> Result<u64, Fault> {
    match value {
        Value::Uint(percent @ 0..=100) => Ok(*percent),
        _ => Err(Fault::new(Code::INVALID_VALUE, "0 to 100 percent")),
    }
}
