//! Filters as SQL conditions. Values are always bound, never written into the text; conditions are never
//! NULL, so that NOT means what it says.

use dm::UtcTime;
use fleet::filter::{Expr, Order, TextColumn, TextTest};
use fleet::ids::TenantId;
use rusqlite::types::Value;

/// The shortest text that the index of [`Sql::anywhere`] can look for, characters.
pub(crate) const TRIGRAM: usize = 3;

/// A statement that grows, with its values.
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) values: Vec<Value>,
}

impl Sql {
    pub(crate) fn new(text: String) -> Self {
        Sql { text, values: Vec::new() }
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(crate) fn bind(&mut self, value: Value) {
        self.text.push('?');
        self.values.push(value);
    }

    fn bind_text(&mut self, text: &str) {
        self.bind(Value::Text(text.to_owned()));
    }

    fn bind_tenant(&mut self, tenant: TenantId) {
        self.bind(Value::Blob(tenant.to_bytes().to_vec()));
    }

    /// A condition on a row of `devices`.
    pub(crate) fn filter(&mut self, tenant: TenantId, now: UtcTime, expr: &Expr) {
        match expr {
            Expr::And(all) => self.joined(tenant, now, all, " AND "),
            Expr::Or(any) => self.joined(tenant, now, any, " OR "),
            Expr::Not(one) => {
                self.push("NOT ");
                self.filter(tenant, now, one);
            }
            Expr::Online(online) => self.push(if *online { "online = 1" } else { "online = 0" }),
            Expr::Tag(tag) => {
                self.push("EXISTS (SELECT 1 FROM tags WHERE tags.tenant = ");
                self.bind_tenant(tenant);
                self.push(" AND tag = ");
                self.bind_text(tag);
                self.push(" AND device = devices.id)");
            }
            Expr::Endpoint(test) => self.endpoint(tenant, test),
            Expr::Text(column, test) => self.test(column_name(*column), test),
            Expr::LastSeen(order, when) => {
                self.push(if *order == Order::NotEqual {
                    "(last_seen "
                } else {
                    "(last_seen != 0 AND last_seen "
                });
                self.push(sign(*order));
                self.bind(Value::Integer(when.at(now).0));
                self.push(")");
            }
        }
    }

    fn joined(&mut self, tenant: TenantId, now: UtcTime, parts: &[Expr], by: &str) {
        self.push("(");
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                self.push(by);
            }
            self.filter(tenant, now, part);
        }
        self.push(")");
    }

    fn endpoint(&mut self, tenant: TenantId, test: &TextTest) {
        self.push("EXISTS (SELECT 1 FROM identities WHERE identities.tenant = ");
        self.bind_tenant(tenant);
        self.push(" AND device = devices.id AND kind = 'usp' AND ");
        self.test("value", test);
        self.push(")");
    }

    fn test(&mut self, column: &str, test: &TextTest) {
        match test {
            TextTest::Order(order, text) => {
                self.push(column);
                self.push(sign(*order));
                self.bind_text(text);
            }
            TextTest::OneOf(list) => {
                self.push(column);
                self.push(" IN (");
                for (index, text) in list.iter().enumerate() {
                    if index > 0 {
                        self.push(", ");
                    }
                    self.bind_text(text);
                }
                self.push(")");
            }
            TextTest::Contains(part) => {
                self.push("instr(lower(");
                self.push(column);
                self.push("), lower(");
                self.bind_text(part);
                self.push(")) > 0");
            }
            TextTest::Matches(regex) => {
                self.push("cusp_matches(");
                self.bind_text(regex.as_str());
                self.push(", ");
                self.push(column);
                self.push(")");
            }
            TextTest::Version(order, version) => {
                // What is no version is no smaller or greater than one, and different from it.
                self.push(if *order == Order::NotEqual { "ifnull(" } else { "(0 != ifnull(" });
                self.push("cusp_version(");
                self.bind_text(version.as_str());
                self.push(", ");
                self.push(column);
                self.push(")");
                self.push(sign(*order));
                self.push(if *order == Order::NotEqual { "0, 1)" } else { "0, 0))" });
            }
        }
    }

    /// The search box: a text somewhere in what people know a device by. The index knows texts of three
    /// characters or more; shorter ones are in so many devices that a page is soon full.
    pub(crate) fn anywhere(&mut self, tenant: TenantId, text: &str) {
        if text.chars().count() >= TRIGRAM {
            // A CROSS JOIN is not reordered: first the few that match, then their rows.
            self.push(
                "id IN (SELECT device FROM search_index CROSS JOIN search ON search.n = search_index.rowid \
                 WHERE search_index MATCH ",
            );
            // One phrase: every other sign of the index's own language is text in quotes.
            self.bind_text(&format!("\"{}\"", text.replace('\0', " ").replace('"', "\"\"")));
            self.push(" AND search.tenant = ");
            self.bind_tenant(tenant);
            return self.push(")");
        }
        let test = TextTest::Contains(text.to_owned());
        self.push("(");
        for column in ["name", "serial", "model", "address"] {
            self.test(column, &test);
            self.push(" OR ");
        }
        self.endpoint(tenant, &test);
        self.push(")");
    }
}

fn column_name(column: TextColumn) -> &'static str {
    match column {
        TextColumn::Name => "name",
        TextColumn::Model => "model",
        TextColumn::Manufacturer => "manufacturer",
        TextColumn::Serial => "serial",
        TextColumn::Software => "software",
        TextColumn::Address => "address",
    }
}

fn sign(order: Order) -> &'static str {
    match order {
        Order::Equal => " = ",
        Order::NotEqual => " != ",
        Order::Less => " < ",
        Order::LessOrEqual => " <= ",
        Order::Greater => " > ",
        Order::GreaterOrEqual => " >= ",
    }
}
