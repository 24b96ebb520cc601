//! Envelope and body: what is inside of what, in both directions.

use crate::envelope::scope::Scope;
use crate::envelope::{Body, Envelope, Header, fault, header};
use crate::error::Error;
use crate::fault::FaultCode;
use crate::notice::Notice;
use crate::quirk::Style;
use crate::rpc::Codec;
use crate::version::Namespace;
use crate::xml::{Element, Out, Pull};

/// Reads a whole document. `fallback` is the code of faults whose own can't be read.
pub(super) fn read<Q: Codec, R: Codec>(
    x: &mut Pull<'_>,
    fallback: FaultCode,
) -> Result<Envelope<Q, R>, Error> {
    let root = x.child()?.ok_or(Error::NoMethod)?;
    if root.name() != "Envelope" {
        return Err(Error::Root { root: root.name().to_owned() });
    }
    let mut scope = Scope::default();
    scope.enter(x, &root);
    scope.check_soap(x, &root);
    let (mut header, mut found) = (None, None);
    while let Some(element) = x.child()? {
        scope.enter(x, &element);
        match element.name() {
            "Header" if header.is_none() => header = Some(header::read(x, &mut scope)?),
            "Body" if found.is_none() => found = read_body(x, &mut scope, fallback)?,
            name => {
                x.note(Notice::ElementUnknown(name.to_owned()));
                x.skip()?;
            }
        }
    }
    if x.trailing() {
        x.note(Notice::Trailing);
    }
    let (namespace, body) = found.ok_or(Error::NoMethod)?;
    match &header {
        None => x.note(Notice::HeaderMissing),
        Some(Header { id: None, .. }) => {
            x.note_unless(Notice::IdMissing, &[Notice::IdEmpty, Notice::IdTooLong]);
        }
        Some(_) => {}
    }
    Ok(Envelope { header: header.unwrap_or_default(), namespace, body })
}

/// The first element of the body, and the namespace that it is in.
type Found<Q, R> = (Namespace, Body<Q, R>);

fn read_body<Q: Codec, R: Codec>(
    x: &mut Pull<'_>,
    scope: &mut Scope,
    fallback: FaultCode,
) -> Result<Option<Found<Q, R>>, Error> {
    let mut found = None;
    while let Some(element) = x.child()? {
        if found.is_some() {
            x.note(Notice::MethodsAfterFirst);
            x.skip()?;
            continue;
        }
        scope.enter(x, &element);
        scope.check_prefix(x, &element);
        found = Some(read_method(x, scope, &element, fallback)?);
    }
    Ok(found)
}

fn read_method<Q: Codec, R: Codec>(
    x: &mut Pull<'_>,
    scope: &mut Scope,
    element: &Element<'_>,
    fallback: FaultCode,
) -> Result<Found<Q, R>, Error> {
    let name = element.name();
    if name == "Fault" {
        let (prefix, fault) = fault::read(x, scope, fallback)?;
        return Ok((scope.namespace(x, &prefix), Body::Fault(fault)));
    }
    let namespace = scope.namespace(x, element.prefix());
    Ok((
        namespace,
        match name.ends_with("Response") {
            true => Body::Response(R::read(x, name)?),
            false => Body::Request(Q::read(x, name)?),
        },
    ))
}

/// Writes a whole document.
pub(super) fn write<Q: Codec, R: Codec>(envelope: &Envelope<Q, R>, style: &Style) -> Vec<u8> {
    let mut out = Out::new(style);
    let (soap, encoding) = (style.prefixes.envelope(), style.prefixes.encoding());
    let (root, body) = (format!("{soap}:Envelope"), format!("{soap}:Body"));
    let (xmlns_soap, xmlns_encoding) = (format!("xmlns:{soap}"), format!("xmlns:{encoding}"));
    let namespace = envelope.namespace.uri();
    out.open(
        &root,
        &[
            (&xmlns_soap, "http://schemas.xmlsoap.org/soap/envelope/"),
            (&xmlns_encoding, "http://schemas.xmlsoap.org/soap/encoding/"),
            ("xmlns:xsd", "http://www.w3.org/2001/XMLSchema"),
            ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
            ("xmlns:cwmp", &namespace),
        ],
    );
    header::write(&envelope.header, matches!(envelope.body, Body::Request(_)), &mut out);
    out.open(&body, &[]);
    match &envelope.body {
        Body::Request(request) => method(request, &mut out),
        Body::Response(response) => method(response, &mut out),
        Body::Fault(it) => fault::write(it, &mut out),
    }
    out.close(&body);
    out.close(&root);
    out.finish()
}

fn method<C: Codec>(method: &C, out: &mut Out<'_>) {
    let name = format!("cwmp:{}", method.element());
    out.open(&name, &[]);
    method.write(out);
    out.close(&name);
}
