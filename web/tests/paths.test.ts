import { describe, expect, it } from "vitest";
import { ancestorsOf, compareNames, isRowPath, nameOf, parentOf, toSupported } from "../src/tree/paths";

describe("paths", () => {
  it.each([
    ["Device.IP.Interface.3.Enable", "Device.IP.Interface.{i}.Enable"],
    ["Device.IP.Interface.3.IPv4Address.12.", "Device.IP.Interface.{i}.IPv4Address.{i}."],
    ["Device.IP.IPv4Capable", "Device.IP.IPv4Capable"],
  ])("%s stands for %s in the model", (path, supported) => expect(toSupported(path)).toBe(supported));

  it.each([
    ["Device.", "", "Device"],
    ["Device.IP.", "Device.", "IP"],
    ["Device.IP.Interface.3.", "Device.IP.Interface.", "3"],
    ["Device.IP.Interface.3.Enable", "Device.IP.Interface.3.", "Enable"],
    ["Device.Reboot()", "Device.", "Reboot()"],
  ])("%s lies in %s and is named %s", (path, parent, name) => expect([parentOf(path), nameOf(path)]).toEqual([parent, name]));

  it("lists ancestors outermost first", () => expect(ancestorsOf("Device.IP.Interface.3.Enable")).toEqual(["Device.", "Device.IP.", "Device.IP.Interface.", "Device.IP.Interface.3."]));
  it("sorts instance numbers by value", () => expect(["10", "9", "100", "2"].sort(compareNames)).toEqual(["2", "9", "10", "100"]));
  it("knows rows", () => expect(["Device.Hosts.Host.1.", "Device.Hosts.Host.", "Device.Hosts.Host.1.IPAddress"].map(isRowPath)).toEqual([true, false, false]));
});
