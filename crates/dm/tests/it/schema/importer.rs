//! Reading model files: resolution of data types and path names, and files that are none.

use dm::schema::{
    Facts, ImportError, ImportLimits, ImportedModel, Protocol, SchemaError, Version, import, merge, text,
};

/// Reads a file with the limits that hosts use.
fn read(xml: &str) -> Result<ImportedModel, ImportError> {
    import(xml.as_bytes(), &ImportLimits::default())
}

fn file(body: &str) -> String {
    format!(
        r###"<?xml version="1.0"?>
<dm:document xmlns:dm="urn:broadband-forum-org:cwmp:datamodel-1-15" spec="urn:example:model-usp">
  <dataType name="Base"><string><size maxLength="45"/></string></dataType>
  <dataType name="Narrow" base="Base"><size maxLength="15"/><pattern value="[0-9]+"/></dataType>
  <dataType name="_AliasUSP" base="Base"/>
  <dataType name="Pair"><list minItems="2" maxItems="2"/><int/></dataType>
  <model name="Device:2.19">{body}</model>
</dm:document>"###
    )
}

fn check(body: &str, expected: &str) {
    let model = read(&file(body)).expect("a model");
    let stored = model.to_text();
    assert_eq!(stored, format!("model name=\"Device:2.19\" usp=\"urn:example:model-usp\"\n{expected}"));
    assert_eq!(ImportedModel::from_text(&stored), Ok(model));
}

#[test]
fn data_types_are_resolved() {
    check(
        r#"<object name="Device." access="readOnly" version="2.1">
             <parameter name="C" access="readWrite"><syntax><dataType ref="Narrow"/></syntax></parameter>
             <parameter name="A " version="2.3"><syntax><dataType ref="_AliasUSP"/></syntax></parameter>
             <parameter name="B"><syntax><list maxItems="4"/><dataType ref="Pair"><units value="dB"/></dataType></syntax></parameter>
             <parameter name="D" status="deprecated"><syntax hidden="true"><unsignedInt><range minInclusive="1" maxInclusive="9" step="2"/></unsignedInt><default type="factory" value="3"/></syntax></parameter>
           </object>"#,
        "Device. object usp=2.1\n\
         Device.A param usp=2.3 access=readOnly type=string named=Alias size=0:45\n\
         Device.B param usp=2.1 access=readOnly type=int named=Pair list=0:4 inner=2:2 units=dB\n\
         Device.C param usp=2.1 access=readWrite type=string named=Narrow size=0:15 pattern=\"[0-9]+\"\n\
         Device.D param usp=2.1 status=deprecated access=readOnly hidden type=unsignedInt range=1:9/2 default=factory:3\n",
    );
}

#[test]
fn path_names_are_made_absolute() {
    check(
        r###"<object name="Device." version="2.1"/>
           <object name="Device.T.{i}." access="readWrite" minEntries="0" maxEntries="unbounded" version="2.1">
             <parameter name="Own"><syntax><string><enumerationRef targetParam="Words" nullValue="None"/></string></syntax></parameter>
             <parameter name="Root"><syntax><string><pathRef refType="strong" targetParent=".U. .T." targetType="row"/></string></syntax></parameter>
             <parameter name="Up"><syntax><string><pathRef refType="weak" targetParent="#.U." targetType="row"/></string></syntax></parameter>
             <parameter name="Words"><syntax><list/><string/></syntax></parameter>
             <command name="Go()" async="true" version="2.2">
               <input><parameter name="In" mandatory="true"><syntax><string><pathRef refType="weak" targetParent="##.U." targetType="row"/></string></syntax></parameter>
                 <object name="Part.{i}."><parameter name="X"><syntax><boolean/></syntax></parameter></object></input>
               <output><parameter name="Out"><syntax><decimal/></syntax></parameter></output>
             </command>
           </object>
           <object name="Device.U.{i}." minEntries="0" maxEntries="4" version="2.1"><uniqueKey functional="true"><parameter ref="K"/></uniqueKey></object>"###,
        "Device. object usp=2.1\n\
         Device.T.{i}. object usp=2.1 access=readWrite entries=0:\n\
         Device.T.{i}.Own param usp=2.1 access=readOnly type=string enumref=Device.T.{i}.Words enumnull=None\n\
         Device.T.{i}.Root param usp=2.1 access=readOnly type=string ref=strong:row:Device.U.{i}.,Device.T.{i}.\n\
         Device.T.{i}.Up param usp=2.1 access=readOnly type=string ref=weak:row:Device.U.{i}.\n\
         Device.T.{i}.Words param usp=2.1 access=readOnly type=string list=0:\n\
         Device.T.{i}.Go() command usp=2.2 async\n\
         Device.T.{i}.Go() in In usp=2.2 mandatory type=string ref=weak:row:Device.U.{i}.\n\
         Device.T.{i}.Go() in Part.{i}.X usp=2.2 type=boolean\n\
         Device.T.{i}.Go() out Out usp=2.2 type=decimal\n\
         Device.U.{i}. object usp=2.1 entries=0:4 functional=K\n",
    );
}

#[test]
fn descriptions_come_along_without_indentation() {
    check(
        "<object name=\"Device.\" version=\"2.1\"><description>\n      The root.\n\n      Really.\n    </description></object>",
        "Device. object usp=2.1 description=\"The root.\\n\\nReally.\"\n",
    );
}

#[test]
fn what_two_models_share_is_one_row() {
    let body = |access: &str, version: &str| {
        file(&format!(
            r#"<object name="Device." version="{version}"><parameter name="Same"><syntax><int/></syntax></parameter>
               <parameter name="Varies" access="{access}"><syntax><int/></syntax></parameter></object>"#
        ))
    };
    let usp = read(&body("readWrite", "2.12")).expect("a model").into_rows();
    let cwmp =
        read(&body("readOnly", "2.0").replace("model-usp", "model-cwmp")).expect("a model").into_rows();
    assert_eq!(
        text::print(&merge(usp, cwmp)),
        "model usp=\"urn:example:model-usp\" cwmp=\"urn:example:model-cwmp\"\n\
         Device. object usp=2.12 cwmp=2.0\n\
         Device.Same param usp=2.12 cwmp=2.0 access=readOnly type=int\n\
         Device.Varies param usp=2.12 access=readWrite type=int\n\
         Device.Varies param cwmp=2.0 access=readOnly type=int\n"
    );
}

#[test]
fn what_is_no_model_is_an_error() {
    for (xml, expected) in [
        ("", "the document does not have a root node"),
        ("not xml", "unknown token at 1:1"),
        ("<a><b></a>", "expected 'b' tag, not 'a' at 1:7"),
        ("<html/>", "not a data-model file: its root is not a document"),
        ("<document/>", "not a data-model file: it has no model"),
        ("<document><model/></document>", "not a data-model file: its model has no name"),
        (
            "<document><model name='Device:1.0'/></document>",
            "not a data-model file: its model has no objects",
        ),
        (
            "<!DOCTYPE d [<!ENTITY a \"b\">]><document><model/></document>",
            "a document type or entity is not allowed",
        ),
        (
            r#"<document><import file="x.xml"/><model name="ACME:1.0" base="Device:2.18"/></document>"#,
            "ACME:1.0 builds on another file; take the full form",
        ),
    ] {
        assert_eq!(read(xml).expect_err(xml).to_string(), expected, "{xml}");
    }
    assert_eq!(import(&[0xff, 0xfe], &ImportLimits::default()), Err(ImportError::NotUtf8));
}

#[test]
fn a_wrong_definition_is_named() {
    for (body, at) in [
        (r#"<object name="Device"/>"#, "Device"),
        (r#"<object name="no path."/>"#, "no path."),
        (r#"<object name="Device.T.1."/>"#, "Device.T.1."),
        (r#"<object name="Device."><parameter name="A"/></object>"#, "Device.A"),
        (r#"<object name="Device."><parameter name="A"><syntax/></parameter></object>"#, "Device.A"),
        (
            r#"<object name="Device."><parameter name="9"><syntax><int/></syntax></parameter></object>"#,
            "Device.9",
        ),
        (
            r#"<object name="Device."><command name="Do()"><input><parameter name="a b"><syntax><int/></syntax></parameter></input></command></object>"#,
            "Device.Do() a b",
        ),
        (
            r#"<object name="Device."><event name="On!"><object name="R.{i}."><parameter name="A"/></object></event></object>"#,
            "Device.On! A",
        ),
        (
            r#"<object name="Device."><parameter name="A"><syntax><dataType ref="Nowhere"/></syntax></parameter></object>"#,
            "Device.Nowhere",
        ),
    ] {
        match read(&file(body)) {
            Err(ImportError::Definition { at: found, .. }) => assert_eq!(found, at, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
}

/// `count` times `text`.
fn times(count: usize, text: &str) -> String {
    text.repeat(count)
}

#[test]
fn a_hostile_file_is_refused_before_it_costs_anything() {
    let param = |name: usize, syntax: &str| {
        format!(r#"<parameter name="P{name}"><syntax>{syntax}</syntax></parameter>"#)
    };
    let params = |count: usize, syntax: &str| (0..count).map(|name| param(name, syntax)).collect::<String>();
    let device = |body: &str| file(&format!(r#"<object name="Device.">{body}</object>"#));
    let attributes: String = (0..100_000).map(|n| format!(" a{n}=''")).collect();
    let namespaces: String = (0..100).map(|n| format!("<e xmlns:n{n}='x'/>")).collect();
    let bomb = "<!DOCTYPE b [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><document spec='&b;'/>".to_owned();
    let longest = format!("<document spec='{}'/>", times(17_000, "x"));
    // What follows the declaration's quoted `?>` is no element: the parser is as deceived as the look is not.
    let hidden = format!("<?xml version='?>' ?>{}", times(65, "<a>"));
    for (xml, expected) in [
        (times(65, "<a>") + &times(65, "</a>"), "the file has more than 64 levels of elements"),
        (times(1_000_000, "<a>"), "the file has more than 64 levels of elements"),
        (hidden, "the file has more than 64 levels of elements"),
        (format!("<a{attributes}/>"), "the file has more than 16384 bytes of one tag"),
        (format!("<a{}/>", times(65, " b=''")), "the file has more than 64 attributes of one element"),
        (longest, "the file has more than 16384 bytes of one tag"),
        (format!("<a>{namespaces}</a>"), "the file has more than 64 namespaces"),
        (bomb, "a document type or entity is not allowed"),
        (format!("<a>{}</a>", times(2_000_001, "<b/>")), "the file has more than 2000000 XML nodes"),
        (times(32 * 1024 * 1024 + 1, " "), "the file has more than 33554432 bytes"),
        (device(&params(65_001, "<int/>")), "the file has more than 65000 definitions"),
    ] {
        assert_eq!(read(&xml).expect_err("hostile").to_string(), expected, "{xml:.60}");
    }
}

#[test]
fn a_data_type_counts_wherever_it_is_used() {
    let words = times(100, "<enumeration value='0123456789'/>");
    let types = format!("<dataType name='Big'><string>{words}</string></dataType><model ");
    let params = |count: usize| {
        let param = |name: usize| {
            format!(r#"<parameter name="P{name}"><syntax><dataType ref="Big"/></syntax></parameter>"#)
        };
        let params: String = (0..count).map(param).collect();
        file(&format!(r#"<object name="Device.">{params}</object>"#)).replace("<model ", &types)
    };
    // A hundred words of ten bytes are a little more than 1,000 bytes in each parameter.
    let limits = ImportLimits { facts: 100_000, ..ImportLimits::default() };
    let read = |count: usize| import(params(count).as_bytes(), &limits).map(|model| model.len());
    assert_eq!(read(10), Ok(11));
    assert_eq!(read(100), Err(ImportError::TooBig { what: "bytes of facts", limit: 100_000 }));
}

#[test]
fn limits_are_the_hosts_to_choose() {
    let xml =
        file(r#"<object name="Device."><parameter name="A"><syntax><int/></syntax></parameter></object>"#);
    let two = ImportLimits { definitions: 2, ..ImportLimits::default() };
    assert_eq!(import(xml.as_bytes(), &two).map(|model| model.len()), Ok(2));
    let one = ImportLimits { definitions: 1, ..ImportLimits::default() };
    let refused = ImportError::TooBig { what: "definitions", limit: 1 };
    assert_eq!(import(xml.as_bytes(), &one), Err(refused));
}

#[test]
fn markup_in_quotes_and_comments_counts_for_nothing() {
    let xml = format!(
        "<?xml version='1.0'?><!-- {} --><?tool {} ?><document a='x > <y' spec=\"it's\"><![CDATA[{}]]>\
         <model name='M:1.0'><object name='Device.'/></model></document>",
        times(70, "<a>"),
        times(70, "<a>"),
        times(70, "<a>"),
    );
    // `<` in an attribute is the parser's to refuse.
    assert_eq!(read(&xml).expect_err("a bare <").to_string(), "expected ''' not '<' at 1:478");
    let model = read(&xml.replace("<y", "y")).expect("a model");
    assert_eq!(
        (model.name(), model.version(), model.uri()),
        ("M", Some(Version { major: 1, minor: 0 }), Some("it's"))
    );
    assert_eq!(model.protocol(), Protocol::Cwmp);
}

const VENDOR: &str = r#"<object name="Device." version="2.1"><description>Root</description>
    <command name="Do()"><description>Does</description><input><parameter name="X"><syntax><int/></syntax></parameter></input></command>
    <event name="On!"><description>When</description></event>
    <parameter name="A" status="deleted"><description>Old</description><syntax><int/></syntax></parameter></object>
  <object name="Device.T.{i}." minEntries="0" maxEntries="unbounded" version="2.1"><description>Table</description>
    <parameter name="B"><description>Bee</description><syntax><string/></syntax></parameter></object>
  <object name="Device.T.{i}.U.{i}." minEntries="0" maxEntries="unbounded" version="2.1"><description>Inner</description></object>"#;

#[test]
fn a_description_is_found_by_any_path_to_it() {
    let model = read(&file(VENDOR)).expect("a model");
    assert_eq!(model.len(), 8);
    for (path, expected) in [
        ("Device.", Some("Root")),
        ("Device.A", Some("Old")),
        ("Device.Do()", Some("Does")),
        ("Device.On!", Some("When")),
        ("Device.T.", Some("Table")),
        ("Device.T.{i}.", Some("Table")),
        ("Device.T.7.", Some("Table")),
        ("Device.T.*.", Some("Table")),
        ("Device.T.[B==\"x\"].", Some("Table")),
        ("Device.T.{i}.B", Some("Bee")),
        ("Device.T.12.B", Some("Bee")),
        ("Device.T.12.U.", Some("Inner")),
        ("Device.T.12.U.{i}.", Some("Inner")),
        ("Device.T.{i}.U.", Some("Inner")),
        ("Device.T.B", None),
        ("Device.Do", None),
        ("Device.A()", None),
        ("Device.T.1.B!", None),
        ("Device.T.1.B+.X", None),
        ("Device.Nothing", None),
        ("Device.T", None),
        ("Device", None),
        ("", None),
        ("no path", None),
    ] {
        assert_eq!(model.row(path).and_then(|row| row.description.as_deref()), expected, "{path}");
    }
    assert_eq!(model.object("Device.T.3.").map(|object| object.path.as_str()), Some("Device.T.{i}."));
    assert!(matches!(model.row("Device.Do()").map(|row| &row.args()[0].facts), Some(Facts::Arg(_))));
}

#[test]
fn a_stored_text_that_is_no_imported_model_is_refused() {
    for (stored, expected) in [
        ("model usp=x\nDevice. object usp=2.0\n", SchemaError::Model("it has no name")),
        ("model name=M usp=x\n", SchemaError::Model("it has no objects")),
        (
            "model name=M usp=x cwmp=y\nDevice. object usp=2.0 cwmp=1.0\n",
            SchemaError::Model("it is more than one protocol's"),
        ),
        (
            "model name=M usp=x\nDevice. object cwmp=2.0\n",
            SchemaError::Model("it is more than one protocol's"),
        ),
        ("Device. thing\n", SchemaError::Text { line: 1, reason: "unknown kind thing".to_owned() }),
    ] {
        assert_eq!(ImportedModel::from_text(stored), Err(expected), "{stored}");
    }
    assert_eq!(
        ImportedModel::from_text(&times(64 * 1024 * 1024 + 1, "#")),
        Err(SchemaError::TooMany("bytes"))
    );
}
