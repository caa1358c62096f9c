//! What stands in the events: JSON that a person can believe.

use std::fmt::Write as _;

use crate::generate::random::Random;
use crate::generate::walk::DraftEvent;

const GOODS: [(&str, u64); 8] = [
    ("A-17 desk lamp", 4_200),
    ("A-22 bookshelf", 12_900),
    ("B-03 kettle", 3_490),
    ("B-11 toaster", 2_995),
    ("C-40 wool blanket", 6_450),
    ("C-41 pillow", 1_999),
    ("D-08 garden chair", 5_600),
    ("D-15 parasol", 8_850),
];

const CITIES: [&str; 8] = [
    "Aarhus", "Bremen", "Ghent", "Graz", "Leiden", "Lyon", "Porto", "Turin",
];

const REJECTIONS: [&str; 4] = [
    "insufficient funds",
    "card expired",
    "out of stock",
    "not accepted",
];

const FILLER: &str = "leave it with the neighbours if nobody answers, ring twice, mind the step and the dog; \
the gate sticks a little in wet weather; please do not fold, keep dry, this side up; handed over at the \
back entrance between eight and noon, otherwise at the kiosk across the street; thank you very much for \
your help and have a good day; second floor on the left, the name on the bell is the old one";

/// Writes the payload of `event` into `text`, filled up to about `size` bytes. All events of an
/// instance agree with each other, since they get the same `number`.
pub fn write(text: &mut String, event: &DraftEvent, number: u64, size: usize) {
    let mut random = Random::new(number);
    let (goods, price) = GOODS[random.below(GOODS.len() as u64) as usize];
    let (sku, name) = goods.split_once(' ').unwrap_or((goods, goods));
    let quantity = 1 + random.below(3);
    let total = price * quantity;
    let city = CITIES[random.below(CITIES.len() as u64) as usize];
    let card = random.below(10_000);
    let rejection = REJECTIONS[random.below(REJECTIONS.len() as u64) as usize];
    text.clear();
    let written = match &*event.kind {
        "OrderPlaced" => write!(
            text,
            r#"{{"total":{total},"currency":"EUR","items":[{{"sku":"{sku}","name":"{name}","qty":{quantity}}}],"city":"{city}""#
        ),
        "StockRequested" | "StockReserved" | "StockReleaseRequested" | "StockReleased" => {
            write!(
                text,
                r#"{{"sku":"{sku}","qty":{quantity},"warehouse":"{city}""#
            )
        }
        "PaymentAuthorizationRequested"
        | "PaymentAuthorized"
        | "PaymentVoidRequested"
        | "PaymentVoided"
        | "CardChargeRequested"
        | "CardCharged" => {
            write!(
                text,
                r#"{{"amount":{total},"currency":"EUR","card":"****{card:04}""#
            )
        }
        "StockRejected"
        | "PaymentRefused"
        | "CardDeclined"
        | "OrderRejected"
        | "RenewalPaymentRefused"
        | "AccessRefused" => write!(text, r#"{{"error":"{rejection}""#),
        "CourierBooked" | "CourierCancelled" | "ShipmentRequested" => {
            write!(text, r#"{{"courier":"velo-{}","from":"{city}""#, card % 7)
        }
        "OrderShipped" => write!(
            text,
            r#"{{"parcel":"P{:07}","weight_g":{}"#,
            number % 10_000_000,
            300 + card
        ),
        "RenewalDue" | "AccessExtended" | "AccessRevoked" => {
            write!(text, r#"{{"plan":"reader","months":{quantity}"#)
        }
        "InvoiceIssued" | "InvoiceVoided" | "RenewalPaid" | "ReceiptSent" => {
            write!(
                text,
                r#"{{"invoice":"R{card:05}","amount":{total},"currency":"EUR""#
            )
        }
        _ => write!(text, r#"{{"ref":{}"#, number % 100_000),
    };
    let reason = event
        .error
        .map_or(Ok(()), |reason| write!(text, r#","reason":"{reason}""#));
    debug_assert!(
        written.is_ok() && reason.is_ok(),
        "writing to a string cannot fail"
    );
    if size > text.len() + 16 {
        let length = (size - text.len() - 11).min(FILLER.len());
        text.push_str(r#","note":""#);
        text.push_str(&FILLER[..length]);
        text.push('"');
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;
    use crate::generate::walk::Role;

    #[test]
    fn payloads_are_json_of_about_the_size_asked_for() {
        let mut text = String::new();
        for kind in [
            "OrderPlaced",
            "StockReserved",
            "CardDeclined",
            "OrderShipped",
            "ReceiptSent",
            "Other",
        ] {
            for size in [0, 200] {
                let event = DraftEvent {
                    kind: kind.into(),
                    role: Role::Start,
                    after: Span::ZERO,
                    key: None,
                    error: Some("no answer in time"),
                };
                write(&mut text, &event, 4_711, size);
                let value: serde_json::Value = serde_json::from_str(&text).expect(&text);
                assert_eq!(value["reason"], "no answer in time");
                assert!(
                    text.len().abs_diff(size) <= 20 || size == 0,
                    "{size}: {text}"
                );
            }
        }
    }
}
