//! Providers that read files: a whole fixture tree, single texts, and the running system.

use std::sync::Arc;

use agent::config::{AgentConfig, Policy};
use agent::identity::Identity;
use agent::providers::device_info::{DeviceInfo, software_version, up_time};
use agent::providers::dns::{Dns, NameServer, name_servers, rows as dns_rows, with_name_servers};
use agent::providers::hosts::lease_names;
use agent::providers::memory::{Memory, kibibytes};
use agent::providers::processes::{Process, Processes, Ticks, process, ticks};
use agent::providers::temperature::Temperature;
use agent::providers::time::{NtpSyntax, Time, servers, with_servers, zone_of};
use agent::system::SystemRoot;
use engine::provider::{Edit, Provider};

use crate::support::{lines, read_only, refreshed, router};

/// A part of a file would pass for the whole: a route less, a lease cut in two.
#[test]
fn a_file_that_is_too_long_is_not_read_in_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = SystemRoot::at(folder.path());
    for (length, expected) in [(1 << 20, Some(1 << 20)), ((1 << 20) + 1, None)] {
        std::fs::write(folder.path().join("long"), vec![b'x'; length]).expect("a file");
        assert_eq!(root.bytes("/long").map(|bytes| bytes.len()), expected);
        assert_eq!(root.text("/long").map(|text| text.len()), expected);
    }
}

#[tokio::test]
async fn device_info_of_a_router() {
    let root = router();
    let identity = Arc::new(Identity::detect(&AgentConfig::default(), &root));
    let expected = [
        "DeviceInfo.[] Manufacturer = Acme",
        "DeviceInfo.[] ManufacturerOUI = 002590",
        "DeviceInfo.[] ModelName = AP-7",
        "DeviceInfo.[] ProductClass = AP-7",
        "DeviceInfo.[] SerialNumber = BRD-00417",
        "DeviceInfo.[] HardwareVersion = r3",
        "DeviceInfo.[] SoftwareVersion = 23.05.5",
        "DeviceInfo.[] AdditionalSoftwareVersion = Linux 6.6.63",
        "DeviceInfo.[] UpTime = 93271",
        "DeviceInfo.[] HostName = router-7",
    ];
    assert_eq!(refreshed(&DeviceInfo::new(root, read_only(), identity)).await, expected);
}

#[tokio::test]
async fn what_a_system_does_not_tell_is_absent() {
    let empty = tempfile::tempdir().expect("a folder");
    let root = SystemRoot::at(empty.path());
    let identity = Arc::new(Identity::detect(&AgentConfig::default(), &root));
    let none: [&str; 0] = [];
    assert_eq!(refreshed(&DeviceInfo::new(root.clone(), read_only(), identity)).await, none);
    assert_eq!(refreshed(&Memory::new(root.clone())).await, none);
    assert_eq!(refreshed(&Processes::new(root.clone())).await, none);
    assert_eq!(refreshed(&Temperature::new(root)).await, none);
}

#[tokio::test]
async fn memory_and_processes_of_a_router() {
    assert_eq!(
        refreshed(&Memory::new(router())).await,
        ["DeviceInfo.MemoryStatus.[] Total = 247368", "DeviceInfo.MemoryStatus.[] Free = 93124"],
    );
    let found = refreshed(&Processes::new(router())).await;
    let of = |name: &str| found.iter().filter(|line| line.contains(name)).cloned().collect::<Vec<_>>();
    let row = "DeviceInfo.ProcessStatus.Process.{i}.";
    assert_eq!(
        of(" Command ="),
        [format!("{row}[1] Command = init (v2) x"), format!("{row}[42] Command = irq/7-eth0")]
    );
    assert_eq!(
        of(" State ="),
        [format!("{row}[1] State = Sleeping"), format!("{row}[42] State = Uninterruptible")]
    );
    assert_eq!(of(" Priority ="), [format!("{row}[1] Priority = 20"), format!("{row}[42] Priority = 0")]);
}

#[tokio::test]
async fn sensors_of_a_router() {
    let found = refreshed(&Temperature::new(router())).await;
    let found: Vec<&str> =
        found.iter().filter(|line| !line.contains("LastUpdate")).map(String::as_str).collect();
    let row = "DeviceInfo.TemperatureStatus.TemperatureSensor.{i}.";
    let expected = [
        format!("{row}[cpu-thermal] Name = cpu-thermal"),
        format!("{row}[cpu-thermal] Enable = true"),
        format!("{row}[cpu-thermal] Status = Enabled"),
        format!("{row}[cpu-thermal] Value = 49"),
        format!("{row}[nvme Composite] Name = nvme Composite"),
        format!("{row}[nvme Composite] Enable = true"),
        format!("{row}[nvme Composite] Status = Enabled"),
        format!("{row}[nvme Composite] Value = -2"),
        format!("{row}[nvme temp2] Name = nvme temp2"),
        format!("{row}[nvme temp2] Enable = true"),
        format!("{row}[nvme temp2] Status = Error"),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn time_of_a_router() {
    let found = refreshed(&Time::new(router(), read_only())).await;
    assert!(found.contains(&"Time.[] LocalTimeZone = CET-1CEST,M3.5.0,M10.5.0/3".to_owned()), "{found:?}");
    assert!(
        found.contains(&"Time.Client.{i}.[ntp] Servers = 0.pool.example,1.pool.example".to_owned()),
        "{found:?}"
    );
}

#[test]
fn fields_of_proc_files() {
    let meminfo = "MemTotal:  100 kB\nMemFree:\t7 kB\nHugePages_Total: 3\n";
    assert_eq!(kibibytes(meminfo, "MemTotal"), Some(100));
    assert_eq!(kibibytes(meminfo, "MemFree"), Some(7));
    assert_eq!(kibibytes(meminfo, "Mem"), None);
    assert_eq!(kibibytes(meminfo, "HugePages_Total"), None);
    assert_eq!(up_time("12.99 5.00\n"), Some(12));
    assert_eq!(up_time("x"), None);
    assert_eq!(ticks("cpu  10 1 5 80 4 0 0 0 9 9\n"), Some(Ticks { busy: 16, total: 100 }));
    assert_eq!(ticks("cpu0 10 1 5 80\n"), None);
    assert_eq!(ticks("cpu  10 1\n"), None);
}

#[test]
fn processes_are_read_whatever_they_are_called() {
    let stat = "7 (a) b (c) R 1 7 7 0 -1 0 0 0 0 0 11 22 0 0 39 19 1 0 5 2048 9 1 1";
    let expected = Process {
        pid: 7,
        command: "a) b (c".to_owned(),
        state: "Running",
        priority: 39,
        ticks: 33,
        pages: 9,
    };
    assert_eq!(process(stat), Some(expected));
    for bad in
        ["", "7 (a) X 1", "7 (a) R 1 2 3", "x (a) R 1 7 7 0 -1 0 0 0 0 0 11 22 0 0 39 19 1 0 5 2048 9 1 1"]
    {
        assert_eq!(process(bad), None, "{bad}");
    }
}

#[test]
fn versions_of_distributions() {
    assert_eq!(software_version("VERSION_ID='12'\n").as_deref(), Some("12"));
    assert_eq!(software_version("BUILD_ID=rolling\n").as_deref(), Some("rolling"));
    assert_eq!(software_version("VERSION_ID=\"\"\nID=x\n"), None);
}

#[test]
fn time_servers_in_three_syntaxes() {
    let check = |syntax, text: &str, found: &[&str], changed: &str| {
        assert_eq!(servers(text, syntax), found, "{text}");
        assert_eq!(with_servers(text, syntax, &["a.example".to_owned(), "b.example".to_owned()]), changed);
    };
    check(
        NtpSyntax::Timesyncd,
        "[Time]\n#NTP=no\nNTP=x.example y.example\nFallbackNTP=z\n",
        &["x.example", "y.example"],
        "[Time]\n#NTP=no\nNTP=a.example b.example\nFallbackNTP=z\n",
    );
    check(
        NtpSyntax::Lines,
        "driftfile /d\nserver x.example iburst\npool y.example\n",
        &["x.example", "y.example"],
        "driftfile /d\nserver a.example iburst\nserver b.example iburst\n",
    );
    check(
        NtpSyntax::Uci,
        "config timeserver 'ntp'\n\tlist server 'x.example'\n\tlist server y.example\n\toption enabled '1'\n",
        &["x.example", "y.example"],
        "config timeserver 'ntp'\n\tlist server 'a.example'\n\tlist server 'b.example'\n\toption enabled '1'\n",
    );
}

#[test]
fn the_zone_stands_at_the_end_of_a_zone_file() {
    assert_eq!(
        zone_of(b"TZif2\0\0binary\nrest\nEST5EDT,M3.2.0,M11.1.0\n").as_deref(),
        Some("EST5EDT,M3.2.0,M11.1.0")
    );
    for bad in [&b"TZif\n\n"[..], b"text\nUTC0\n", b"", b"TZif2\nUTC0"] {
        assert_eq!(zone_of(bad), None);
    }
}

#[test]
fn name_servers_of_a_router_are_those_that_its_resolver_asks() {
    let (found, own) = Dns::new(router(), read_only()).servers();
    assert!(!own);
    let rows: Vec<_> = dns_rows(&found).into_iter().map(Into::into).collect();
    let expected = [
        "DNS.Client.[] Enable = true",
        "DNS.Client.[] Status = Enabled",
        "DNS.Client.Server.{i}.[192.0.2.53] Enable = true",
        "DNS.Client.Server.{i}.[192.0.2.53] Status = Enabled",
        "DNS.Client.Server.{i}.[192.0.2.53] DNSServer = 192.0.2.53",
        "DNS.Client.Server.{i}.[192.0.2.53] Interface = ",
        "DNS.Client.Server.{i}.[fe80::1] Enable = true",
        "DNS.Client.Server.{i}.[fe80::1] Status = Enabled",
        "DNS.Client.Server.{i}.[fe80::1] DNSServer = fe80::1",
        "DNS.Client.Server.{i}.[fe80::1] Interface = Device.IP.Interface.{eth0}",
    ];
    assert_eq!(lines(&rows), expected);
}

#[test]
fn name_servers_are_replaced_in_their_place() {
    let text = "# a\nnameserver 192.0.2.1\noptions rotate\nnameserver 192.0.2.2\n";
    let servers = [
        NameServer { ip: [192, 0, 2, 9].into(), interface: None },
        NameServer { ip: "fe80::9".parse().expect("an address"), interface: Some("eth1".to_owned()) },
    ];
    let changed = with_name_servers(text, &servers);
    assert_eq!(changed, "# a\nnameserver 192.0.2.9\nnameserver fe80::9%eth1\noptions rotate\n");
    assert_eq!(name_servers(&changed), servers);
    assert_eq!(with_name_servers("", &servers[..1]), "nameserver 192.0.2.9\n");
}

#[test]
fn leases_name_hosts() {
    let names = lease_names(&router().text("tmp/dhcp.leases").expect("leases"));
    assert_eq!(
        names.into_iter().collect::<Vec<_>>(),
        [("02:00:5e:10:00:01".to_owned(), "laptop".to_owned())]
    );
}

/// Adds, changes and deletes rows the way the engine does, on files of the test's own.
#[tokio::test]
async fn name_servers_are_written_and_taken_back() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("etc")).expect("a folder");
    let file = folder.path().join("etc/resolv.conf");
    std::fs::write(&file, "search lan\nnameserver 192.0.2.1\n").expect("a file");
    let policy = Arc::new(Policy { writable: vec!["Device.DNS.Client.".to_owned()], ..Policy::default() });
    let dns = Dns::new(SystemRoot::at(folder.path()), policy);
    let object = agent::providers::rows::object("Device.DNS.Client.Server.{i}.");
    let name = |text: &str| dm::Name::parse(text).expect("a name");
    let edits = [
        Edit::Add {
            path: dm::ObjectPath::parse("Device.DNS.Client.Server.2.").expect("a path"),
            object: object.clone(),
            parents: Vec::new(),
            values: vec![(name("Enable"), true.into()), (name("DNSServer"), "192.0.2.2".into())],
        },
        Edit::Delete {
            path: dm::ObjectPath::parse("Device.DNS.Client.Server.1.").expect("a path"),
            object,
            keys: vec![Some(agent::providers::rows::key("192.0.2.1"))],
        },
    ];
    let mut prepared = dns.prepare(&edits).await.expect("it can be done");
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "search lan\nnameserver 192.0.2.1\n");
    let committed = dns.commit(&mut prepared).await.expect("it is done");
    assert_eq!(committed.keys.len(), 1);
    assert_eq!(&*committed.keys[0].1.0, "192.0.2.2");
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "search lan\nnameserver 192.0.2.2\n");
    dns.abort(prepared).await.expect("it is undone");
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "search lan\nnameserver 192.0.2.1\n");
}

#[tokio::test]
async fn the_running_system_is_plausible() {
    let number = |lines: &[String], name: &str| -> u64 {
        let line = lines.iter().find(|line| line.contains(&format!("] {name} = "))).expect("a value");
        line.rsplit(' ').next().expect("a word").parse().expect("a number")
    };
    let memory = refreshed(&Memory::new(SystemRoot::host())).await;
    assert!(number(&memory, "Total") > number(&memory, "Free"));
    let processes = refreshed(&Processes::new(SystemRoot::host())).await;
    let own = format!("[{}] PID = {}", std::process::id(), std::process::id());
    assert!(processes.iter().any(|line| line.contains(&own)), "this process is not listed");
    let identity = Arc::new(Identity::default());
    let info = refreshed(&DeviceInfo::new(SystemRoot::host(), read_only(), identity)).await;
    assert!(number(&info, "UpTime") > 0);
}
