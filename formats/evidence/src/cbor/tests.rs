//! What the short ways of the decoder read, and that what they leave is refused by name.

use super::*;

/// A head of major type `major` and this value, its value in so many bytes as additional information `info` says.
fn head(major: u8, info: u8, value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let len = 1 << (info - 24);
    [&[major << 5 | info], bytes.get(8 - len..).unwrap()].concat()
}

/// The greatest value of each head that a shorter one has room for.
const TOO_LONG: [(u8, u64); 4] = [(24, 23), (25, 0xff), (26, 0xffff), (27, 0xffff_ffff)];

#[test]
fn a_head_longer_than_its_value_needs_is_refused_wherever_one_stands() {
    for (info, most) in TOO_LONG {
        for value in [0, 1, most] {
            let long = Err(DecodeError::new(0, DecodeFault::LongForm));
            let of = |major| head(major, info, value);
            assert_eq!(Decoder::new(&of(0)).unsigned(u64::MAX).map(drop), long, "{info} {value}");
            assert_eq!(Decoder::new(&of(2)).bytes(u64::MAX).map(drop), long, "{info} {value}");
            assert_eq!(Decoder::new(&of(3)).text(u64::MAX).map(drop), long, "{info} {value}");
            assert_eq!(Decoder::new(&of(4)).array(u64::MAX).map(drop), long, "{info} {value}");
            assert_eq!(Decoder::new(&of(5)).map().map(drop), long, "{info} {value}");
            for major in [0, 2, 3, 4, 5] {
                assert_eq!(Decoder::new(&of(major)).skip().map(drop), long, "{major} {info} {value}");
            }
        }
        let least = head(0, info, most + 1);
        assert_eq!(Decoder::new(&least).unsigned(u64::MAX), Ok(most + 1));
        assert_eq!(Decoder::new(&least).skip(), Ok(least.as_slice()));
    }
}

/// Else all would be read the long way, which costs several times as much.
#[test]
fn a_head_of_one_byte_or_two_is_read_the_short_way_and_no_other() {
    for (item, major) in
        [(Item::Unsigned, 0), (Item::Bytes, 2), (Item::Text, 3), (Item::Array, 4), (Item::Map, 5)]
    {
        for value in 0..=0xff {
            let bytes = if value < 24 { vec![major << 5 | value] } else { head(major, 24, value.into()) };
            let mut d = Decoder::new(&bytes);
            assert_eq!((d.short_head(item), d.remaining()), (Some(value.into()), 0), "{item} {value}");
        }
        let others = [
            head(major, 24, 23),
            head(major, 25, 0x100),
            vec![(major ^ 1) << 5],
            vec![major << 5 | 24],
            vec![major << 5 | 31],
            vec![],
        ];
        for bytes in others {
            let mut d = Decoder::new(&bytes);
            assert_eq!((d.short_head(item), d.remaining()), (None, bytes.len()), "{item} {bytes:?}");
        }
    }
    for item in [Item::Bool, Item::Null] {
        assert_eq!(Decoder::new(&[0xf5]).short_head(item), None);
    }
}

#[test]
fn true_and_false_are_two_bytes_and_no_others() {
    for first in 0..=u8::MAX {
        let read = Decoder::new(&[first]).bool();
        assert_eq!(read.is_ok(), matches!(first, 0xf4 | 0xf5), "{first:x}");
        assert!(read.is_err() || read == Ok(first == 0xf5), "{first:x}");
    }
}

#[test]
fn what_is_passed_over_stands_there_whole() {
    let item = [0x82, 0x01, 0x02];
    let mut d = Decoder::new(&[0x82, 0x01, 0x02, 0x03]);
    let before = d.clone();
    assert!(!d.pass_over(&[0x82, 0x01, 0x03]) && !d.pass_over(&[0x82, 0x01, 0x02, 0x03, 0x04]));
    assert_eq!((d.position(), d.read_since(&before)), (0, [].as_slice()));
    assert!(d.pass_over(&item));
    assert_eq!((d.position(), d.read_since(&before)), (3, item.as_slice()));
}

#[test]
fn an_empty_array_is_read_at_a_glance_where_one_more_container_may_stand() {
    let mut bytes = vec![0x81; DEPTH_MAX];
    bytes.push(0x80);
    let mut d = Decoder::new(&bytes);
    for _ in 0..DEPTH_MAX - 1 {
        assert_eq!(d.array(1), Ok(1));
        let mut inner = Decoder { rest: &[0x80, 0x07], ..d.clone() };
        assert!(inner.empty_array_here());
        assert_eq!((inner.remaining(), inner.depth), (1, d.depth));
    }
    assert_eq!(d.array(1), Ok(1));
    assert!(!d.empty_array_here(), "the seventeenth is too deep");
    assert_eq!(d.array(1).map_err(|error| error.fault), Err(DecodeFault::Depth));
    assert!(!Decoder::new(&[0x81, 0x00]).empty_array_here());
}

#[test]
fn the_keys_of_a_map_come_one_after_the_other_and_end_with_its_entries() {
    // A map of two entries, and a number that is not its own.
    let mut d = Decoder::new(&[0xa2, 0x01, 0xf4, 0x18, 0x18, 0xf5, 0x19, 0x01, 0x00]);
    let mut keys = d.map().unwrap();
    for (key, value) in [(1, false), (24, true)] {
        assert_eq!(keys.next(&mut d), Ok(Some(key)));
        assert_eq!(d.bool(), Ok(value));
    }
    assert_eq!(keys.next(&mut d), Ok(None));
    assert_eq!(d.remaining(), 3);
}

#[test]
fn a_key_stands_in_its_shortest_form_alone() {
    fn stands<const KEY: u8>(bytes: &[u8]) -> bool {
        let mut d = Decoder::new(bytes);
        let before = d.remaining();
        let mut keys = MapKeys { left: 1, previous: None, at: 0, key_at: 0 };
        let stands = keys.stands::<KEY>(&mut d);
        assert_eq!(d.remaining() < before, stands);
        stands
    }
    assert!(stands::<5>(&[5]) && !stands::<5>(&[6]) && !stands::<5>(&[24, 5]) && !stands::<5>(&[]));
    assert!(stands::<23>(&[23]) && !stands::<23>(&[24, 23]));
    assert!(stands::<24>(&[24, 24]) && !stands::<24>(&[24]) && !stands::<24>(&[24, 25]));
    assert!(stands::<200>(&[24, 200]) && !stands::<200>(&[200]));
    let mut keys = MapKeys { left: 0, previous: None, at: 0, key_at: 0 };
    assert!(!keys.stands::<5>(&mut Decoder::new(&[5])), "no entry is left");
}
