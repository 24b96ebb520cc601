//! Reads of the simulated device's tree, without a wire: how much of a Get is the data model's.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use dm::operation::Get;
use dm::tree::{Requester, Tree};

fn get(tree: &Tree, path: &str) {
    let get = Get { paths: vec![path.to_owned()], max_depth: 0 };
    black_box(tree.get(&get, &Requester::full()));
}

fn reads(criterion: &mut Criterion) {
    let tree = sim::usp::base_tree();
    let mut group = criterion.benchmark_group("tree");
    group.measurement_time(Duration::from_secs(3));
    let cases = [
        ("one parameter", "Device.IP.Interface.7.Name"),
        ("one object", "Device.DeviceInfo."),
        ("search", "Device.IP.Interface.[Name==\"sim7\"].Status"),
        ("whole device", "Device."),
    ];
    for (name, path) in cases {
        group.bench_function(name, |bencher| bencher.iter(|| get(&tree, black_box(path))));
    }
    group.finish();
}

criterion_group!(benches, reads);
criterion_main!(benches);
