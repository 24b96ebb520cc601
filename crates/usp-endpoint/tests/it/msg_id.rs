//! Message ids.

use requirement::requirement;
use usp_endpoint::msg_id::MsgIds;

#[test]
#[requirement("R-MSG.8")]
fn ids_count_up_behind_a_prefix_of_their_start() {
    let mut first = MsgIds::new([1; 32]);
    let mut second = MsgIds::new([2; 32]);
    let ids: Vec<String> = (0..11).map(|_| first.next()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    assert!(ids.iter().all(|id| id.len() == 27 && id[..17] == ids[0][..17]), "{ids:?}");
    assert_ne!(ids[0], ids[1]);
    assert_ne!(ids[0][..17], second.next()[..17]);
}
