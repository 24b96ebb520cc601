//! Deviations that belong to no recorded device: each is noted by its name, and read all the same.

use cwmp_proto::rpc::{AcsRequest, CpeResponse};
use cwmp_proto::{Body, FromCpe, Namespace, Notice};

const SOAP: &str = "xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'";
const ID: &str = "<s:Header><c:ID>1</c:ID></s:Header>";

fn read(xml: &str) -> (FromCpe, Vec<Notice>) {
    let decoded =
        FromCpe::decode(xml.as_bytes(), None, 65_536).unwrap_or_else(|error| panic!("{error}: {xml}"));
    (decoded.envelope, decoded.noticed)
}

fn envelope(header: &str, body: &str) -> String {
    format!(
        "<s:Envelope {SOAP} xmlns:c='urn:dslforum-org:cwmp-1-2'>{header}<s:Body>{body}</s:Body></s:Envelope>"
    )
}

#[test]
fn what_is_noted() {
    let unknown = |name: &str| Notice::ElementUnknown(name.to_owned());
    let long = format!("<s:Header><c:ID>{}</c:ID></s:Header>", "1".repeat(1025));
    let reboot = "<c:RebootResponse/>";
    let cases = [
        (envelope(ID, reboot), vec![]),
        (envelope("<s:Header/>", reboot), vec![Notice::IdMissing]),
        (envelope(&long, reboot), vec![Notice::IdTooLong]),
        (envelope("<s:Header><c:ID>1</c:ID><c:X/></s:Header>", reboot), vec![unknown("X")]),
        (envelope(ID, "<c:RebootResponse><A>1</A></c:RebootResponse>"), vec![]),
        (envelope(ID, "<c:RebootResponse/><c:RebootResponse/>"), vec![Notice::MethodsAfterFirst]),
        (envelope(ID, "<c:RebootResponse/>text"), vec![Notice::StrayText]),
        (
            envelope(
                ID,
                "<c:AddObjectResponse><InstanceNumber>1</InstanceNumber><Status>0</Status><Status>1</Status>\
                       </c:AddObjectResponse>",
            ),
            vec![Notice::ElementRepeated("Status")],
        ),
        (
            envelope(ID, "<c:DeleteObjectResponse><Status>0<b/></Status><Extra/></c:DeleteObjectResponse>"),
            vec![unknown("b"), unknown("Extra")],
        ),
        (
            envelope(
                ID,
                "<c:GetRPCMethodsResponse><MethodList arrayType='xsd:string[1]'><item>Reboot</item>\
                       </MethodList></c:GetRPCMethodsResponse>",
            ),
            vec![Notice::RowName],
        ),
        (
            format!(
                "<s:Envelope {SOAP}>{}<s:Body><RebootResponse/></s:Body></s:Envelope>",
                ID.replace("c:", "")
            ),
            vec![Notice::NamespaceMissing],
        ),
        (envelope(ID, reboot).replace("/soap/envelope/", "/other/"), vec![Notice::SoapNamespace]),
        (
            envelope("<s:Header><c:ID>1</c:ID><c:NoMoreRequests>0</c:NoMoreRequests></s:Header>", reboot),
            vec![Notice::NoMoreRequests],
        ),
    ];
    for (xml, expected) in cases {
        assert_eq!(read(&xml).1, expected, "{xml}");
    }
}

/// Of several namespaces the one of the method is answered in.
#[test]
fn the_namespace_is_the_methods() {
    for (prefix, minor) in [("a", 0), ("b", 2)] {
        let xml = format!(
            "<s:Envelope {SOAP} xmlns:a='urn:dslforum-org:cwmp-1-0' xmlns:b='urn:dslforum-org:cwmp-1-2'>\
             <s:Body><{prefix}:RebootResponse/></s:Body></s:Envelope>"
        );
        let (envelope, noticed) = read(&xml);
        assert_eq!(envelope.namespace, Namespace { minor });
        assert_eq!(noticed, [Notice::NamespacesMixed, Notice::HeaderMissing]);
        assert_eq!(envelope.body, Body::Response(CpeResponse::Reboot));
    }
}

/// Other implementations write software modules as rows in one element.
#[test]
fn results_in_one_element() {
    let xml = envelope(
        ID,
        "<c:DUStateChangeComplete><Results arrayType='c:OpResultStruct[2]'><OpResultStruct><UUID>1</UUID>\
         </OpResultStruct><OpResultStruct><UUID>2</UUID></OpResultStruct></Results><CommandKey>k</CommandKey>\
         </c:DUStateChangeComplete>",
    );
    let Body::Request(AcsRequest::DuStateChangeComplete(complete)) = read(&xml).0.body else {
        panic!("{xml}")
    };
    let uuids: Vec<&str> = complete.results.iter().map(|result| result.uuid.as_str()).collect();
    assert_eq!((uuids.as_slice(), complete.command_key.as_str()), (&["1", "2"][..], "k"));
}
