//! One delivery: its events, and those of another one that it meets.

use super::{Course, DIRTY_TOUCH, Draft, Event, Fault, NearMiss, RESIDUE, STOCK, VAN};
use crate::generate::random::Random;

/// What a delivery takes.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) van: String,
    pub(super) stock: String,
    pub(super) count: i64,
}

impl Delivery {
    /// Another one that takes the same.
    fn rival(&self) -> Delivery {
        Delivery {
            id: format!("{}b", self.id),
            ..self.clone()
        }
    }

    /// The same with a van of its own, which nobody else takes.
    fn with_own_van(&self) -> Delivery {
        Delivery {
            van: format!("own-{}", self.id),
            ..self.clone()
        }
    }

    /// The same with a stock of its own, which nobody else takes from.
    fn with_own_stock(&self) -> Delivery {
        Delivery {
            stock: format!("own-{}", self.id),
            ..self.clone()
        }
    }
}

/// Writes events down, one after the other.
pub(super) struct Script<'a> {
    now: i64,
    random: &'a mut Random,
    events: &'a mut Vec<Event>,
    drafts: &'a mut Vec<Draft>,
}

impl<'a> Script<'a> {
    /// A script that begins `at` that many milliseconds since the epoch.
    pub(super) fn new(
        at: i64,
        random: &'a mut Random,
        events: &'a mut Vec<Event>,
        drafts: &'a mut Vec<Draft>,
    ) -> Script<'a> {
        Script {
            now: at,
            random,
            events,
            drafts,
        }
    }

    /// Adds the events of a delivery, and the labels of what is wrong with it; when its van is free
    /// for others.
    pub(super) fn play(&mut self, course: Course, delivery: &Delivery) -> i64 {
        match course {
            Course::Completed => {
                self.take(delivery);
                self.complete(delivery)
            }
            Course::Undone => {
                self.take(delivery);
                self.undo(delivery, delivery)
            }
            Course::UndoneEarly => {
                self.ask(delivery);
                self.tell(delivery, "DeliveryRefused", "{}".to_owned());
                self.give_back_van(delivery, &delivery.van)
            }
            Course::Faulty(fault) => self.go_wrong(fault, delivery),
            Course::Nearly(near_miss) => self.nearly(near_miss, delivery),
        }
    }

    fn go_wrong(&mut self, fault: Fault, delivery: &Delivery) -> i64 {
        let step = match fault {
            Fault::OtherVan | Fault::VanTaken | Fault::VanTakenInVain => VAN,
            _ => STOCK,
        };
        let rule = match fault {
            Fault::VanTaken | Fault::VanTakenInVain => DIRTY_TOUCH,
            _ => RESIDUE,
        };
        self.drafts.push((rule, delivery.id.clone(), step));
        let mut given = delivery.clone();
        match fault {
            Fault::TooLittle => given.count -= self.random.between(1, delivery.count - 1),
            Fault::TooMuch => given.count += self.random.between(1, 3),
            Fault::OtherStock => {
                let own = delivery.with_own_stock();
                given.stock = format!("other-{}", delivery.id);
                self.take(&own);
                let free_from = self.undo(&own, &given);
                if self.random.below(2) == 0 {
                    self.count(&own);
                }
                return free_from;
            }
            Fault::OtherVan => {
                let own = delivery.with_own_van();
                self.take(&own);
                given.van = format!("other-{}", delivery.id);
                return self.undo(&own, &given);
            }
            Fault::CountedBetween => {
                let own = delivery.with_own_stock();
                self.take(&own);
                self.count(&own);
                return self.undo(&own, &own);
            }
            Fault::VanTaken => {
                let rival = delivery.rival();
                self.take(delivery);
                self.take(&rival);
                self.undo(delivery, delivery);
                return self.complete(&rival);
            }
            Fault::VanTakenInVain => {
                let rival = delivery.rival();
                self.take(delivery);
                self.take(&rival);
                self.undo(delivery, delivery);
                self.drafts.push((DIRTY_TOUCH, rival.id.clone(), VAN));
                return self.undo(&rival, &rival);
            }
        }
        self.take(delivery);
        self.undo(delivery, &given)
    }

    fn nearly(&mut self, near_miss: NearMiss, delivery: &Delivery) -> i64 {
        match near_miss {
            NearMiss::CountedAfter => {
                let own = delivery.with_own_stock();
                self.take(&own);
                let mut given = own.clone();
                given.count -= 1;
                let free_from = self.undo(&own, &given);
                self.count(&own);
                free_from
            }
            NearMiss::VanTakenAfter => {
                self.take(delivery);
                let mut given = delivery.clone();
                given.van = format!("other-{}", delivery.id);
                self.undo(delivery, &given);
                let rival = delivery.rival();
                self.take(&rival);
                let other = Delivery {
                    van: given.van,
                    ..rival.rival()
                };
                self.take(&other);
                self.complete(&other);
                self.complete(&rival)
            }
            NearMiss::VanOfCompleted => {
                let rival = delivery.rival();
                self.take(delivery);
                self.take(&rival);
                self.complete(delivery);
                self.complete(&rival)
            }
            NearMiss::VanOfDeparted => {
                let rival = delivery.rival();
                self.take(delivery);
                self.drive_off(delivery);
                self.take(&rival);
                self.tell(delivery, "DeliveryDone", "{}".to_owned());
                self.complete(&rival)
            }
            NearMiss::VanWashed => {
                self.take(delivery);
                let data = format!(r#"{{"van":"{}"}}"#, delivery.van);
                self.add(None, "VanWashed", data);
                self.undo(delivery, delivery)
            }
        }
    }

    /// It is asked for and gets its van.
    fn ask(&mut self, delivery: &Delivery) {
        self.tell(delivery, "DeliveryAsked", "{}".to_owned());
        let driver = self.random.one_of(&DRIVERS).copied().unwrap_or_default();
        let data = format!(r#"{{"van":"{}","driver":"{driver}"}}"#, delivery.van);
        self.tell(delivery, "VanAssigned", data);
    }

    /// It gets its van and its pieces.
    fn take(&mut self, delivery: &Delivery) {
        self.ask(delivery);
        self.pieces("StockReserved", delivery, delivery);
    }

    /// When it drove off: from then on its van is nobody's effect.
    fn drive_off(&mut self, delivery: &Delivery) -> i64 {
        self.tell(delivery, "DroveOff", "{}".to_owned());
        self.now
    }

    fn complete(&mut self, delivery: &Delivery) -> i64 {
        let free_from = self.drive_off(delivery);
        self.tell(delivery, "DeliveryDone", "{}".to_owned());
        free_from
    }

    /// It gives back what `given` has; when the van was given back.
    fn undo(&mut self, delivery: &Delivery, given: &Delivery) -> i64 {
        self.tell(delivery, "DeliveryRefused", "{}".to_owned());
        self.pieces("StockReleased", delivery, given);
        self.give_back_van(delivery, &given.van)
    }

    fn give_back_van(&mut self, delivery: &Delivery, van: &str) -> i64 {
        self.tell(delivery, "VanReleased", format!(r#"{{"van":"{van}"}}"#));
        let free_from = self.now;
        self.tell(delivery, "DeliveryCancelled", "{}".to_owned());
        free_from
    }

    fn pieces(&mut self, kind: &'static str, delivery: &Delivery, of: &Delivery) {
        let data = format!(r#"{{"sku":"{}","count":{}}}"#, of.stock, of.count);
        self.tell(delivery, kind, data);
    }

    fn count(&mut self, delivery: &Delivery) {
        self.pause();
        self.events.push(counted(self.now, &delivery.stock));
    }

    fn tell(&mut self, delivery: &Delivery, kind: &'static str, data: String) {
        self.add(Some(delivery.id.clone()), kind, data);
    }

    fn add(&mut self, delivery: Option<String>, kind: &'static str, data: String) {
        self.pause();
        self.events.push(Event {
            time: self.now,
            kind,
            delivery,
            data,
        });
    }

    fn pause(&mut self) {
        self.now += self.random.between(1, 60_000);
    }
}

const DRIVERS: [&str; 5] = ["Ann", "Bob", "Cleo", "Dirk", "Eva"];

/// Somebody counts a stock.
pub(super) fn counted(time: i64, stock: &str) -> Event {
    Event {
        time,
        kind: "StockCounted",
        delivery: None,
        data: format!(r#"{{"sku":"{stock}","count":100}}"#),
    }
}

/// Deliveries that are under way when the log ends, all within their limits: they take from one
/// stock and, if there are to be faults, two of them took the van of another one.
pub(super) fn under_way(
    end: i64,
    faults: bool,
    random: &mut Random,
    events: &mut Vec<Event>,
    drafts: &mut Vec<Draft>,
) {
    let delivery = |number: u64, van: u64| Delivery {
        id: format!("last-{number}"),
        van: format!("last-{van}"),
        stock: "s0".to_owned(),
        count: 3,
    };
    let mut script = Script::new(end, random, events, drafts);
    for number in 0..3 {
        script.take(&delivery(number, number));
    }
    if faults {
        for (number, taken) in [(3, 0), (4, 2)] {
            script.take(&delivery(number, taken));
            let owner = delivery(taken, taken).id;
            script.drafts.push((DIRTY_TOUCH, owner, VAN));
        }
    }
}
