//! A JTL in XML. A sample inside of another is a part of it, except that a transaction is only the sum of its parts.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{TRANSACTION, failure, tell};
use crate::import::error::ImportError;
use crate::import::input::{Head, Input};
use crate::import::label::cleaned;
use crate::import::ledger::{Ledger, Observation};
use crate::import::reading::{Reading, imported};
use crate::import::{ImportOptions, Tool};
use crate::run::{Exactness, Measure};

pub(in crate::import) fn recognises(head: &Head) -> bool {
    head.text.trim_start().starts_with('<') && head.text.contains("<testResults")
}

/// One sample's attributes.
#[derive(Default)]
struct Sample {
    time: i64,
    elapsed: u64,
    latency: u64,
    bytes: u64,
    success: bool,
    label: String,
    code: String,
    message: String,
    line: u64,
}

/// What has been read of the file so far.
struct Samples {
    ledger: Ledger,
    /// A sample that is still open: it counts when it closes, unless it turns out to be a transaction.
    open: Option<Sample>,
    depth: u32,
    transactions: u64,
}

pub(in crate::import) fn read(input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let path = input.path().to_owned();
    let mut reader = Reader::from_reader(input.into_reader());
    reader.config_mut().expand_empty_elements = true;
    let mut samples = Samples { ledger: Ledger::new(&path, Tool::Jmeter), open: None, depth: 0, transactions: 0 };
    let (mut buffer, mut line, mut closed) = (Vec::new(), 1_u64, false);
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        let wrong = |problem: String| ImportError::Line { path: path.clone(), line, problem, hint: None };
        match event {
            Ok(Event::Start(tag)) if is_sample(&tag) => samples.open(sample_of(&tag, line).map_err(wrong)?)?,
            Ok(Event::End(tag)) if matches!(tag.name().as_ref(), b"httpSample" | b"sample") => samples.close()?,
            Ok(Event::End(tag)) if tag.name().as_ref() == b"testResults" => closed = true,
            Ok(Event::Eof) if closed => break,
            Ok(Event::Eof) | Err(quick_xml::Error::Syntax(_)) => return Err(ImportError::cut_off(&path, line)),
            Ok(_) => {}
            Err(error) => return Err(wrong(format!("not XML as expected: {error}"))),
        }
        line += buffer.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
    }
    let mut about = imported("JMeter", "XML JTL", Measure::Service, Exactness::Samples);
    tell(samples.transactions, &[], &mut about);
    Ok(samples.ledger.into_reading("unknown".into(), about))
}

fn is_sample(tag: &BytesStart<'_>) -> bool {
    matches!(tag.name().as_ref(), b"httpSample" | b"sample")
}

impl Samples {
    fn open(&mut self, sample: Sample) -> Result<(), ImportError> {
        self.depth += 1;
        match self.depth {
            1 => self.open = Some(sample),
            2 if self.open.as_ref().is_none_or(|open| open.message.starts_with(TRANSACTION)) => {
                // The transaction gives way to its parts.
                self.transactions += u64::from(self.open.take().is_some());
                self.record(sample)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), ImportError> {
        self.depth = self.depth.saturating_sub(1);
        match self.open.take() {
            Some(sample) if self.depth == 0 && sample.message.starts_with(TRANSACTION) => self.transactions += 1,
            Some(sample) if self.depth == 0 => self.record(sample)?,
            still_open => self.open = still_open,
        }
        Ok(())
    }

    fn record(&mut self, sample: Sample) -> Result<(), ImportError> {
        let Sample { time, elapsed, latency, bytes, success, label, code, message, line } = sample;
        let observation = Observation {
            started: time.saturating_mul(1000),
            latency: Some(elapsed.saturating_mul(1000)),
            ttfb: Some(latency.saturating_mul(1000)).filter(|latency| *latency > 0),
            status: code.parse().ok().filter(|status| (100..600).contains(status)),
            bytes,
            failure: failure(success, &code, &message, ""),
        };
        self.ledger.record(&cleaned(&label), line, observation)
    }
}

fn sample_of(tag: &BytesStart<'_>, line: u64) -> Result<Sample, String> {
    let mut sample = Sample { line, ..Sample::default() };
    let mut known = 0;
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| format!("an attribute is not readable: {error}"))?;
        let value =
            attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| format!("an attribute is not readable: {error}"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{value:?} is no number"));
        match attribute.key.as_ref() {
            b"t" => (sample.elapsed, known) = (number()?, known + 1),
            b"ts" => (sample.time, known) = (i64::try_from(number()?).unwrap_or(i64::MAX), known + 1),
            b"s" => (sample.success, known) = (value == "true", known + 1),
            b"lb" => (sample.label, known) = (value.into_owned(), known + 1),
            b"lt" => sample.latency = number()?,
            b"by" => sample.bytes = number()?,
            b"rc" => sample.code = value.into_owned(),
            b"rm" => sample.message = value.into_owned(),
            _ => {}
        }
    }
    if known < 4 {
        return Err("a sample lacks one of `t`, `ts`, `s` and `lb`".to_owned());
    }
    if sample.elapsed > 3_600_000 {
        return Err(format!("`t` is {} ms, more than an hour: is it in milliseconds?", sample.elapsed));
    }
    Ok(sample)
}
