// Canned fleet of the mock server: one rich device, many plain ones, and everything the other pages show.
import type { Certificate, ConnectInfo, CuspEvent, Device, Expected, Job, Model, ModelParam, PendingDevice, Refusal, TraceItem, TwinItem } from "../src/api/types";
import { objects } from "../tests/brief";

/** Everything is dated from here, so that relative times look alike on every run. */
export const START = Date.now();
export const ago = (seconds: number): string => new Date(START - seconds * 1000).toISOString();

export const MAIN = "d-7f3a90";

export function devices(): Device[] {
  const main: Device = {
    id: MAIN, name: "workbench", tags: ["pilot", "linux"], endpoints: ["os::00AA11-workbench"], protocol: "usp", manufacturer: "Cusp", model: "Linux host", serial: "VB-2219-0041",
    software: "6.12.8", hardware: "x86_64", oui: "00AA11", product_class: "Host", online: true, proven: true, address: "127.0.0.1:52114", last_seen: ago(3), first_seen: ago(864_000), onboarded: true, model_hash: "9c41d7", tenant: "default",
  };
  const others = Array.from({ length: 140 }, (_, index): Device => ({
    id: `d-${(0x1000 + index * 37).toString(16)}`, name: index % 4 === 0 ? `cpe-${String(index).padStart(3, "0")}` : `os::0C8DDB-SIM${String(index).padStart(5, "0")}`, tags: index % 9 === 0 ? ["pilot"] : [], endpoints: [`os::0C8DDB-SIM${String(index).padStart(5, "0")}`], protocol: "usp",
    manufacturer: index % 3 === 0 ? "MikroTik" : "Simulated", model: index % 3 === 0 ? "hAP ax3" : "CPE-250", serial: `SIM${String(index).padStart(5, "0")}`, software: index % 5 === 0 ? "7.19.4" : "7.20", hardware: "rev 2", oui: "0C8DDB", product_class: "CPE",
    online: index % 6 !== 4, proven: index % 7 !== 3, address: `127.0.${Math.floor(index / 200)}.${(index % 200) + 2}:40${String(100 + index)}`, last_seen: ago(index % 6 === 4 ? 7_200 + index * 900 : 8 + index), first_seen: ago(500_000), onboarded: index !== 2, model_hash: "sim250", tenant: "default",
  }));
  return [main, ...others];
}

const p = (name: string, type = "string", extra: Partial<ModelParam> = {}): ModelParam => ({ name, type, access: "readOnly", value_change: true, ...extra });
const w = (name: string, type = "string", extra: Partial<ModelParam> = {}): ModelParam => p(name, type, { access: "readWrite", ...extra });

export const MODEL: Model = {
  hash: "9c41d7",
  uri: "urn:broadband-forum-org:tr-181-2-19-1-usp",
  objects: objects([
    { path: "Device.", access: "readOnly", multi: false, params: [p("RootDataModelVersion"), p("InterfaceStackNumberOfEntries", "unsignedInt")], commands: [{ name: "Reboot()", async: false, inputs: [{ name: "Cause", type: "string", enum: ["LocalReboot", "RemoteReboot"] }, { name: "Reason", type: "string" }] }, { name: "FactoryReset()", async: false }], events: [{ name: "Boot!", args: [{ name: "CommandKey" }, { name: "Cause" }, { name: "FirmwareUpdated" }] }] },
    { path: "Device.DeviceInfo.", access: "readOnly", multi: false, params: [p("Manufacturer"), p("ManufacturerOUI"), p("ModelName"), p("SerialNumber"), p("SoftwareVersion"), p("HardwareVersion"), p("UpTime", "unsignedInt", { units: "seconds" }), w("ProvisioningCode", "string", { max_length: 64, description: "Identifier of the primary service provider and other provisioning information." }), w("HostName", "string", { max_length: 63, pattern: "[a-z0-9-]+" }), p("FirstUseDate", "dateTime"), w("X_Secret", "string", { secured: true })] },
    { path: "Device.DeviceInfo.MemoryStatus.", access: "readOnly", multi: false, params: [p("Total", "unsignedInt", { units: "KiB" }), p("Free", "unsignedInt", { units: "KiB" })] },
    { path: "Device.DeviceInfo.ProcessStatus.", access: "readOnly", multi: false, params: [p("CPUUsage", "unsignedInt", { units: "percent", max: 100 }), p("ProcessNumberOfEntries", "unsignedInt")] },
    { path: "Device.DeviceInfo.ProcessStatus.Process.{i}.", access: "readOnly", multi: true, unique_keys: [["PID"]], params: [p("PID", "unsignedInt"), p("Command"), p("Size", "unsignedInt", { units: "KiB" }), p("State", "string", { enum: ["Running", "Sleeping", "Stopped", "Idle", "Uninterruptible", "Zombie"] })] },
    { path: "Device.Time.", access: "readOnly", multi: false, params: [w("Enable", "boolean"), p("Status", "string", { enum: ["Disabled", "Unsynchronized", "Synchronized", "Error"] }), p("CurrentLocalTime", "dateTime"), w("LocalTimeZone")] },
    { path: "Device.Ethernet.", access: "readOnly", multi: false, params: [p("InterfaceNumberOfEntries", "unsignedInt")] },
    { path: "Device.Ethernet.Interface.{i}.", access: "readOnly", multi: true, unique_keys: [["Alias"], ["Name"]], params: [w("Enable", "boolean"), p("Status", "string", { enum: ["Up", "Down"] }), w("Alias", "string", { max_length: 64 }), p("Name"), p("MACAddress"), w("MaxBitRate", "int", { min: -1, max: 100000, units: "Mbps" }), w("DuplexMode", "string", { enum: ["Half", "Full", "Auto"] })] },
    { path: "Device.IP.", access: "readOnly", multi: false, params: [p("InterfaceNumberOfEntries", "unsignedInt"), p("IPv4Capable", "boolean")] },
    { path: "Device.IP.Interface.{i}.", access: "addDelete", multi: true, unique_keys: [["Alias"], ["Name"]], params: [w("Enable", "boolean"), p("Status"), w("Alias"), p("Name"), w("MaxMTUSize", "unsignedInt", { min: 64, max: 65535, units: "bytes" }), w("LowerLayers", "string", { list: true, max_length: 1024 })], commands: [{ name: "Reset()", async: false }] },
    { path: "Device.IP.Interface.{i}.IPv4Address.{i}.", access: "addDelete", multi: true, unique_keys: [["IPAddress", "SubnetMask"], ["Alias"]], params: [w("Enable", "boolean"), w("Alias"), w("IPAddress"), w("SubnetMask"), p("AddressingType", "string", { enum: ["Static", "DHCP"] })] },
    { path: "Device.IP.Interface.{i}.Stats.", access: "readOnly", multi: false, params: [p("BytesSent", "unsignedLong", { units: "bytes" }), p("BytesReceived", "unsignedLong", { units: "bytes" })] },
    { path: "Device.IP.Diagnostics.", access: "readOnly", multi: false, commands: [{ name: "IPPing()", async: true, inputs: [{ name: "Host", type: "string", mandatory: true }, { name: "NumberOfRepetitions", type: "unsignedInt" }, { name: "ProtocolVersion", type: "string", enum: ["Any", "IPv4", "IPv6"] }], outputs: [{ name: "SuccessCount", type: "unsignedInt" }, { name: "AverageResponseTime", type: "unsignedInt" }] }] },
    { path: "Device.DNS.Client.", access: "readOnly", multi: false, params: [w("Enable", "boolean")] },
    { path: "Device.DNS.Client.Server.{i}.", access: "addDelete", multi: true, unique_keys: [["DNSServer"], ["Alias"]], params: [w("Enable", "boolean"), w("Alias", "string", { max_length: 64 }), w("DNSServer", "string", { max_length: 45 }), p("Type", "string", { enum: ["DHCPv4", "DHCPv6", "Static"] })] },
    { path: "Device.Hosts.Host.{i}.", access: "readOnly", multi: true, unique_keys: [["PhysAddress"]], params: [p("PhysAddress"), p("IPAddress"), p("HostName"), p("Active", "boolean")] },
    { path: "Device.LocalAgent.", access: "readOnly", multi: false, params: [p("EndpointID"), p("UpTime", "unsignedInt", { units: "seconds" }), w("SupportedProtocols", "string", { list: true, enum: ["CoAP", "WebSocket", "STOMP", "MQTT", "UDS"] })], events: [{ name: "Periodic!" }] },
    { path: "Device.LocalAgent.Subscription.{i}.", access: "addDelete", multi: true, unique_keys: [["ID", "Recipient"], ["Alias"]], params: [w("Enable", "boolean"), w("ID"), w("Alias"), w("NotifType", "string", { enum: ["Event", "ValueChange", "ObjectCreation", "ObjectDeletion", "OperationComplete"] }), w("ReferenceList", "string", { list: true }), w("TimeToLive", "unsignedInt", { units: "seconds" }), w("NotifRetry", "boolean")] },
  ]),
};

export function twin(): Map<string, TwinItem> {
  const map = new Map<string, TwinItem>();
  const put = (object: string, values: Record<string, string>, seconds = 240) => {
    for (const [name, value] of Object.entries(values)) {
      const supported = MODEL.objects.find((each) => each.path === object.replace(/\.\d+\./g, ".{i}."));
      const schema = supported?.params?.find((each) => each.name === name);
      map.set(object + name, { path: object + name, value, type: schema?.type ?? "string", writable: schema?.access !== "readOnly", at: ago(seconds), source: "read" });
    }
  };
  put("Device.", { RootDataModelVersion: "2.19", InterfaceStackNumberOfEntries: "2" });
  put("Device.DeviceInfo.", { Manufacturer: "Cusp", ManufacturerOUI: "00AA11", ModelName: "Linux host", SerialNumber: "VB-2219-0041", SoftwareVersion: "6.12.8", HardwareVersion: "x86_64", UpTime: "276480", ProvisioningCode: "", HostName: "workbench", FirstUseDate: "2026-02-03T09:12:44Z" });
  put("Device.DeviceInfo.MemoryStatus.", { Total: "16302848", Free: "9284112" }, 30);
  put("Device.DeviceInfo.ProcessStatus.", { CPUUsage: "17", ProcessNumberOfEntries: "240" }, 30);
  for (let i = 1; i <= 240; i += 1) put(`Device.DeviceInfo.ProcessStatus.Process.${i}.`, { PID: String(i * 7), Command: ["systemd", "kworker/0:1", "sshd", "cusp-agent", "nginx"][i % 5]!, Size: String(2_000 + i * 31), State: "Sleeping" });
  put("Device.Time.", { Enable: "true", Status: "Synchronized", CurrentLocalTime: ago(240), LocalTimeZone: "CET-1CEST" });
  put("Device.Ethernet.", { InterfaceNumberOfEntries: "2" });
  put("Device.Ethernet.Interface.1.", { Enable: "true", Status: "Up", Alias: "cpe-eth0", Name: "eth0", MACAddress: "02:42:AC:11:00:02", MaxBitRate: "-1", DuplexMode: "Auto" });
  put("Device.Ethernet.Interface.2.", { Enable: "false", Status: "Down", Alias: "cpe-eth1", Name: "eth1", MACAddress: "02:42:AC:11:00:03", MaxBitRate: "1000", DuplexMode: "Full" });
  put("Device.IP.", { InterfaceNumberOfEntries: "2", IPv4Capable: "true" });
  put("Device.IP.Interface.1.", { Enable: "true", Status: "Up", Alias: "cpe-lo", Name: "lo", MaxMTUSize: "65535", LowerLayers: "" });
  put("Device.IP.Interface.2.", { Enable: "true", Status: "Up", Alias: "cpe-eth0", Name: "eth0", MaxMTUSize: "1500", LowerLayers: "Device.Ethernet.Interface.1." });
  put("Device.IP.Interface.2.IPv4Address.1.", { Enable: "true", Alias: "cpe-1", IPAddress: "172.17.0.2", SubnetMask: "255.255.0.0", AddressingType: "Static" });
  put("Device.IP.Interface.2.Stats.", { BytesSent: "88231104", BytesReceived: "1290331220" });
  put("Device.DNS.Client.", { Enable: "true" });
  put("Device.DNS.Client.Server.1.", { Enable: "true", Alias: "cpe-1", DNSServer: "192.0.2.53", Type: "DHCPv4" });
  put("Device.Hosts.Host.1.", { PhysAddress: "3C:22:FB:00:10:01", IPAddress: "172.17.0.9", HostName: "printer", Active: "true" });
  put("Device.LocalAgent.", { EndpointID: "os::00AA11-workbench", UpTime: "82110", SupportedProtocols: "WebSocket,MQTT" });
  put("Device.LocalAgent.Subscription.1.", { Enable: "true", ID: "cusp-boot", Alias: "cpe-1", NotifType: "Event", ReferenceList: "Device.Boot!", TimeToLive: "0", NotifRetry: "true" });
  return map;
}

export const pending = (): PendingDevice[] => [
  { endpoint: "os::0C8DDB-HX3009911", transport: "websocket", peer: "203.0.113.24:51834", proven: true, fingerprint: "9f2c41aa03de77b1c5408e1f9a6d2270b3cc55f19f2c41aa03de77b1c5408e1f", first_seen: ago(420), last_seen: ago(12), attempts: 9, changed: false },
  { endpoint: "proto::fw-bench-2", transport: "websocket", peer: "127.0.0.1:40112", proven: false, first_seen: ago(95), last_seen: ago(40), attempts: 2, changed: false },
  { endpoint: "uuid::6a1de0c2-53e4-4f0a-9c02-0a30ee4b5a11", transport: "websocket", peer: "198.51.100.7:60020", proven: false, first_seen: ago(3_900), last_seen: ago(1_800), attempts: 1, changed: false },
];

export const certificates = (): Certificate[] => [
  { kind: "certificate", device: MAIN, name: "workbench", fingerprint: "9f2c41aa03de77b1c5408e1f9a6d2270b3cc55f19f2c41aa03de77b1c5408e1f", origin: "issued", serial: "5e01a7", since: ago(4_000_000), expires: ago(-3_700_000), revoked: false },
  { kind: "certificate", device: "d-1025", name: "cpe-025", fingerprint: "0d11b7aa03de77b1c5408e1f9a6d2270b3cc55f19f2c41aa03de77b1c5400b5e", origin: "pinned", since: ago(9_000), revoked: false },
  { kind: "certificate", device: "d-1026", name: "cpe-026", fingerprint: "77aa41aa03de77b1c5408e1f9a6d2270b3cc55f19f2c41aa03de77b1c54077aa", origin: "issued", serial: "5e01a2", since: ago(9_000_000), expires: ago(-100), revoked: true, revoked_at: ago(600), reason: "key-compromise" },
];

export const expected = (): Expected[] => [
  { kind: "endpoint", value: "os::00256D-0123456789", name: "kitchen", group: "lisbon", since: ago(600) },
  { kind: "serial", value: "SN-2219-0042", since: ago(90_000) },
];

export const refused = (): Refusal[] => [
  { at: ago(22), peer: "203.0.113.77:51900", endpoint: "os::0C8DDB-HX3001177", reason: "The client certificate is not the one this device was approved with" },
  { at: ago(340), peer: "127.0.0.1:41870", endpoint: "os::00AA11-workbench", reason: "A second plain connection while the first still answers a ping" },
  { at: ago(5_000), peer: "198.51.100.200:33100", endpoint: null, reason: "The WebSocket handshake does not offer the subprotocol v1.usp" },
];

export const jobs = (): Job[] => [
  { id: "j-1008", device: MAIN, kind: "operate", state: "accepted", priority: "person", actor: "admin", created: ago(6), updated: ago(5), deadline: ago(-300), request: { command: "Device.IP.Diagnostics.IPPing()", args: { Host: "192.0.2.1" } }, outcome: { kind: "operate", results: [{ executed: "Device.IP.Diagnostics.IPPing()", request: "Device.LocalAgent.Request.4." }] } },
  { id: "j-1007", device: MAIN, kind: "set", state: "partial", priority: "person", actor: "admin", created: ago(70), updated: ago(69), request: { objects: [{ path: "Device.IP.Interface.2.", params: [{ param: "MaxMTUSize", value: "70000" }, { param: "Alias", value: "wan" }] }], allow_partial: true }, outcome: { kind: "set", results: [{ requested: "Device.IP.Interface.2.", failures: [], updated: [{ path: "Device.IP.Interface.2.", params: { Alias: "wan" }, errors: [{ param: "MaxMTUSize", code: 7012, message: "The value is outside 64 to 65535" }] }] }] } },
  { id: "j-1006", device: "d-1025", kind: "get", state: "queued", priority: "person", actor: "cli", created: ago(400), updated: ago(400), deadline: ago(-86_000), request: { paths: ["Device.DeviceInfo."] } },
  { id: "j-1005", device: MAIN, kind: "add", state: "failed", priority: "person", actor: "admin", created: ago(900), updated: ago(899), request: { objects: [{ path: "Device.DNS.Client.Server.", params: [{ param: "DNSServer", value: "not-an-address" }] }] }, outcome: { kind: "add", failed: { code: 7004, message: "Invalid arguments", params: [{ param: "Device.DNS.Client.Server.DNSServer", code: 7012, message: "Not an IP address" }] } } },
  { id: "j-1004", device: MAIN, kind: "get", state: "done", priority: "person", actor: "admin", created: ago(1_200), updated: ago(1_199), request: { paths: ["Device.DeviceInfo.MemoryStatus."] }, outcome: { kind: "get", results: [{ requested: "Device.DeviceInfo.MemoryStatus.", objects: [{ path: "Device.DeviceInfo.MemoryStatus.", params: { Total: "16302848", Free: "9284112" } }] }] } },
];

const EVENTS: Omit<CuspEvent, "duplicate">[] = [
  { seq: 912, at: ago(3), device: MAIN, kind: "value_change", path: "Device.DeviceInfo.MemoryStatus.Free", params: { "Device.DeviceInfo.MemoryStatus.Free": "9284112" } },
  { seq: 911, at: ago(5), device: MAIN, kind: "job", params: { state: "accepted" }, job: "j-1008" },
  { seq: 910, at: ago(12), kind: "pending", params: { endpoint: "os::0C8DDB-HX3009911", peer: "203.0.113.24:51834" } },
  { seq: 909, at: ago(22), kind: "refused", params: { endpoint: "os::0C8DDB-HX3001177", reason: "certificate differs" } },
  { seq: 908, at: ago(60), device: "d-1025", kind: "offline", params: { reason: "closed by peer" } },
  { seq: 907, at: ago(90), device: MAIN, kind: "object_creation", path: "Device.Hosts.Host.1.", params: { PhysAddress: "3C:22:FB:00:10:01" } },
  { seq: 906, at: ago(300), device: MAIN, kind: "periodic", path: "Device.LocalAgent.", params: {} },
  { seq: 905, at: ago(620), device: MAIN, kind: "boot", path: "Device.", params: { Cause: "LocalReboot", CommandKey: "", FirmwareUpdated: "false" } },
  { seq: 904, at: ago(621), device: MAIN, kind: "online", params: { transport: "websocket", peer: "127.0.0.1:52114" } },
];
export const events = (): CuspEvent[] => EVENTS.map((event) => ({ ...event, duplicate: false }));

export const trace = (): TraceItem[] => [
  { at: ago(5), direction: "out", kind: "Operate", msg_id: "c-88", summary: "Device.IP.Diagnostics.IPPing()", body: { header: { msg_id: "c-88", msg_type: "OPERATE" }, body: { request: { operate: { command: "Device.IP.Diagnostics.IPPing()", send_resp: true, input_args: { Host: "192.0.2.1" } } } } } },
  { at: ago(5), direction: "in", kind: "OperateResp", msg_id: "c-88", summary: "Device.LocalAgent.Request.4.", body: { header: { msg_id: "c-88", msg_type: "OPERATE_RESP" }, body: {} } },
  { at: ago(3), direction: "in", kind: "Notify", msg_id: "a-1201", summary: "ValueChange Device.DeviceInfo.MemoryStatus.Free", body: { header: { msg_id: "a-1201", msg_type: "NOTIFY" } } },
];

export const connect: ConnectInfo = {
  endpoint_id: "self::cusp-controller", websocket_url: "wss://192.0.2.10:8183/usp", tls: true, plaintext_warning: false,
  ca_pem: "-----BEGIN CERTIFICATE-----\nMIIBqzCCAVGgAwIBAgIUQ3VzcCBleGFtcGxlIENBMAoGCCqGSM49BAMCMBIxEDAO\nBgNVBAMMB0N1c3AgQ0EwHhcNMjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAwWjAS\n-----END CERTIFICATE-----\n",
  agent_toml: '[[controller]]\nendpoint = "self::cusp-controller"\nurl = "wss://192.0.2.10:8183/usp"\ntoken = "TOKEN_HERE"\nca = \'\'\'\n-----BEGIN CERTIFICATE-----\nMIIBqzCCAVGgAwIBAgIUQ3Vz\n-----END CERTIFICATE-----\n\'\'\'\n',
  obuspa: 'Device.LocalAgent.Controller.1.EndpointID "self::cusp-controller"\nDevice.LocalAgent.Controller.1.MTP.1.WebSocket.Host "192.0.2.10"\nDevice.LocalAgent.Controller.1.MTP.1.WebSocket.Port "8183"\nDevice.LocalAgent.Controller.1.MTP.1.WebSocket.Path "/usp"\nDevice.LocalAgent.Controller.1.MTP.1.WebSocket.EnableEncryption "true"\n',
  brokers: [{
    protocol: "MQTT", url: "mqtts://broker.example.com", tls: true, version: "5.0", topic: "usp/controllers/self::cusp-controller",
    agent_toml: '[[controller]]\nendpoint = "self::cusp-controller"\n\n[controller.mqtt]\nbroker = "mqtts://broker.example.com"\ntopic = "usp/controllers/self::cusp-controller"\nversion = "5.0"\n',
    obuspa: 'Device.LocalAgent.Controller.1.MTP.1.MQTT.Topic "usp/controllers/self::cusp-controller"\nDevice.MQTT.Client.1.BrokerAddress "broker.example.com"\n',
  }, {
    protocol: "STOMP", url: "stomps://stomp.example.com", tls: true, version: "1.2", topic: "/queue/usp.controllers.self::cusp-controller",
    agent_toml: '[[controller]]\nendpoint = "self::cusp-controller"\n\n[controller.stomp]\nserver = "stomps://stomp.example.com"\ndestination = "/queue/usp.controllers.self::cusp-controller"\n',
    obuspa: 'Device.LocalAgent.Controller.1.MTP.1.STOMP.Destination "/queue/usp.controllers.self::cusp-controller"\nDevice.STOMP.Connection.1.Host "stomp.example.com"\n',
  }],
};

/** The same of a server whose listener has no TLS. */
export const PLAIN: ConnectInfo = {
  ...connect, websocket_url: "ws://192.0.2.10:8183/usp", tls: false, plaintext_warning: true, ca_pem: null, brokers: [],
  agent_toml: '[[controller]]\nendpoint = "self::cusp-controller"\nurl = "ws://192.0.2.10:8183/usp"\n',
  obuspa: connect.obuspa.replace('EnableEncryption "true"', 'EnableEncryption "false"'),
};
