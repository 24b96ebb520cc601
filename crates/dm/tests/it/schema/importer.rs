//! Reading model files: resolution of data types and path names, and files that are none.

use dm::schema::{import, merge, text};

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
    let rows = import(&file(body)).expect("a model");
    assert_eq!(text::print(&rows), format!("model usp=\"urn:example:model-usp\"\n{expected}"));
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
    let usp = import(&body("readWrite", "2.12")).expect("a model");
    let cwmp = import(&body("readOnly", "2.0").replace("model-usp", "model-cwmp")).expect("a model");
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
    for xml in [
        String::new(),
        "not xml".to_owned(),
        "<html/>".to_owned(),
        "<document/>".to_owned(),
        "<!DOCTYPE d [<!ENTITY a \"b\">]><document><model/></document>".to_owned(),
        r#"<document><import file="x.xml"/><model base="Device:2.18"/></document>"#.to_owned(),
        file(r#"<object name="Device"/>"#),
        file(r#"<object name="no path."/>"#),
        file(r#"<object name="Device."><parameter name="A"/></object>"#),
        file(r#"<object name="Device."><parameter name="A"><syntax/></parameter></object>"#),
        file(
            r#"<object name="Device."><parameter name="A"><syntax><dataType ref="Nowhere"/></syntax></parameter></object>"#,
        ),
        file(r#"<object name="Device."><parameter name="9"><syntax><int/></syntax></parameter></object>"#),
    ] {
        assert!(import(&xml).is_err(), "{xml}");
    }
}
