//! The twin in the store is what its deltas fold to.

use fleet::device::FactsUpdate;
use fleet::limits;
use fleet::port::{DeviceFields, Store, Write};
use fleet::twin::{Delta, Source, Twin};

use super::{TENANT, approved, at, done};

pub(super) async fn run<S: Store>(store: &S) {
    let device = approved(store, "os::00256D-T", 1).await;
    assert!(store.twin(TENANT, device.id).await.expect("readable").is_empty());
    let mut expected = Twin::default();
    // More deltas than wait at once, so that some are folded and some are not.
    for number in 0..limits::DELTAS_PENDING as i64 * 2 + 5 {
        let mut delta = Delta::new(at(number), Source::Read);
        delta.put(&format!("Device.Hosts.Host.{}.", number % 7 + 1), "");
        delta.put(&format!("Device.Hosts.Host.{}.HostName", number % 7 + 1), &format!("host {number}"));
        delta.put("Device.DeviceInfo.UpTime", &number.to_string());
        if number % 10 == 9 {
            delta.remove(&format!("Device.Hosts.Host.{}.", number % 5 + 1));
        }
        if number == 100 {
            // Big enough to be folded at once.
            delta.put("Device.X_Big", &"x".repeat(60_000));
        }
        expected.apply(&delta);
        let fields = DeviceFields {
            tenant: TENANT,
            device: device.id,
            facts: FactsUpdate::default(),
            delta: Some(delta),
            at: at(number),
        };
        done(store, Write::PutDeviceFields(Box::new(fields))).await;
        if number % 20 == 0 {
            assert_eq!(store.twin(TENANT, device.id).await.as_ref(), Ok(&expected), "after {number}");
        }
    }
    assert_eq!(store.twin(TENANT, device.id).await, Ok(expected));
}
