/** First and family names by language, the commoner ones first: they are drawn skewed. */
export interface Names {
  given: readonly [string, ...string[]]
  family: readonly [string, ...string[]]
}

function list(text: string): readonly [string, ...string[]] {
  const [first = '', ...rest] = text.split(',').map((name) => name.trim())
  return [first, ...rest]
}

export const names = {
  en: {
    given: list(
      'James,Mary,John,Sarah,Michael,Jennifer,David,Emma,Robert,Jessica,William,Emily,Daniel,Laura,Thomas,Karen,Matthew,Amy,Christopher,Rebecca,Andrew,Hannah,Joseph,Olivia,Kevin,Rachel,Brian,Megan,Steven,Nicole,George,Sophie,Edward,Grace,Jason,Charlotte,Ryan,Alice,Jacob,Zoë,Nathan,Lucy,Samuel,Chloé,Aaron,Ruth,Patrick,Victoria,Liam,Isla,Oscar,Imogen,Xavier,Quentin,Una,Yasmin',
    ),
    family: list(
      "Smith,Johnson,Williams,Brown,Jones,Miller,Davis,Wilson,Taylor,Anderson,Moore,Jackson,Martin,Lee,Thompson,White,Harris,Clark,Lewis,Robinson,Walker,Hall,Young,Allen,King,Wright,Scott,Green,Baker,Adams,Nelson,Hill,Campbell,Mitchell,Roberts,Carter,Phillips,Evans,Turner,Parker,Collins,Edwards,Stewart,Morris,Murphy,Cook,Rogers,Morgan,Cooper,Bailey,Reed,Kelly,Howard,Ward,Cox,Richardson,Watson,Brooks,Gray,O'Brien,O'Connor,McDonald,MacKenzie,Bennett,Hughes,Fletcher,Barker,St. John,Quinn,Vaughan,Ullman,Xenakis,Yates,Zimmer",
    ),
  },
  de: {
    given: list(
      'Thomas,Sabine,Michael,Petra,Andreas,Julia,Stefan,Anna,Christian,Katharina,Markus,Susanne,Jürgen,Claudia,Matthias,Lena,Sebastian,Birgit,Alexander,Heike,Florian,Sophie,Jan,Ulrike,Tobias,Franziska,Martin,Käthe,Jörg,Hannelore,Lukas,Marie,Björn,Ingrid,Felix,Johanna,Günther,Gisela,Wolfgang,Renate,Götz,Vera,Ömer,Yvonne',
    ),
    family: list(
      'Müller,Schmidt,Schneider,Fischer,Weber,Meyer,Wagner,Becker,Schulz,Hoffmann,Schäfer,Koch,Bauer,Richter,Klein,Wolf,Schröder,Neumann,Schwarz,Zimmermann,Braun,Krüger,Hofmann,Hartmann,Lange,Schmitt,Werner,Krause,Meier,Lehmann,Köhler,Huber,Kaiser,Fuchs,Peters,Lang,Scholz,Möller,Weiß,Jung,Hahn,Vogel,Friedrich,Keller,Günther,Berger,Winkler,Roth,Beck,Lorenz,Baumann,Franke,Böhm,von Arnim,Übelhör,Ostermann,Quandt,Ißbrücker,Nagel',
    ),
  },
  fr: {
    given: list(
      'Marie,Jean,Nathalie,Pierre,Isabelle,Michel,Sophie,Philippe,Camille,Nicolas,Émilie,Julien,Céline,François,Aurélie,Thomas,Hélène,Antoine,Chloé,Étienne,Manon,Benoît,Élodie,Guillaume,Margaux,Jérôme,Anaïs,Rémi,Zoé,Loïc,Solène,Hugo,Inès,Gaël,Océane,Noël',
    ),
    family: list(
      "Martin,Bernard,Dubois,Thomas,Robert,Richard,Petit,Durand,Leroy,Moreau,Simon,Laurent,Lefebvre,Michel,Garcia,David,Bertrand,Roux,Vincent,Fournier,Morel,Girard,André,Lefèvre,Mercier,Dupont,Lambert,Bonnet,François,Martinez,Legrand,Garnier,Faure,Rousseau,Blanc,Guérin,Muller,Henry,Roussel,Perrin,d'Artagnan,de la Fontaine,Le Goff,Québec,Hébert,Joly,Noël,Yvon,Zola",
    ),
  },
  es: {
    given: list(
      'María,José,Carmen,Antonio,Ana,Manuel,Laura,Francisco,Lucía,David,Marta,Juan,Cristina,Javier,Elena,Carlos,Paula,Jesús,Raquel,Alejandro,Sara,Miguel,Pilar,Rafael,Rocío,Sergio,Inés,Ángel,Beatriz,Andrés,Begoña,Íñigo,Ximena,Óscar,Noelia,Hernán',
    ),
    family: list(
      'García,Rodríguez,González,Fernández,López,Martínez,Sánchez,Pérez,Gómez,Martín,Jiménez,Ruiz,Hernández,Díaz,Moreno,Muñoz,Álvarez,Romero,Alonso,Gutiérrez,Navarro,Torres,Domínguez,Vázquez,Ramos,Gil,Ramírez,Serrano,Blanco,Molina,Suárez,Ortega,Delgado,Castro,Ortiz,Rubio,Marín,Sanz,Núñez,Iglesias,de la Cruz,Ibáñez,Peña,Ybarra,Zapata,Quiroga,Echeverría',
    ),
  },
  it: {
    given: list(
      'Giuseppe,Maria,Antonio,Anna,Giovanni,Giulia,Francesco,Francesca,Luigi,Chiara,Marco,Sara,Andrea,Elena,Luca,Martina,Alessandro,Valentina,Matteo,Paola,Davide,Silvia,Stefano,Laura,Niccolò,Ilaria,Ugo,Zaira,Ettore,Noemi',
    ),
    family: list(
      "Rossi,Russo,Ferrari,Esposito,Bianchi,Romano,Colombo,Ricci,Marino,Greco,Bruno,Gallo,Conti,De Luca,Costa,Giordano,Mancini,Rizzo,Lombardi,Moretti,Barbieri,Fontana,Santoro,Mariani,Rinaldi,Caruso,Ferrara,Galli,Martini,Leone,D'Angelo,Longo,Gentile,Dalla Costa,Zanetti,Quaranta,Ungaro,Iannone",
    ),
  },
  pl: {
    given: list(
      'Anna,Piotr,Katarzyna,Krzysztof,Agnieszka,Andrzej,Małgorzata,Tomasz,Magdalena,Paweł,Joanna,Michał,Aleksandra,Marcin,Ewa,Jakub,Natalia,Łukasz,Karolina,Grzegorz,Zofia,Wojciech,Żaneta,Stanisław,Urszula,Ignacy',
    ),
    family: list(
      'Nowak,Kowalski,Wiśniewski,Wójcik,Kowalczyk,Kamiński,Lewandowski,Zieliński,Szymański,Woźniak,Dąbrowski,Kozłowski,Jankowski,Mazur,Kwiatkowski,Krawczyk,Piotrowski,Grabowski,Nowakowski,Pawłowski,Michalski,Król,Wieczorek,Jabłoński,Wróbel,Majewski,Olszewski,Stępień,Żak,Górski,Łuczak,Ćwik',
    ),
  },
  nl: {
    given: list(
      'Jan,Anna,Peter,Maria,Johannes,Emma,Daan,Sanne,Lars,Lotte,Bram,Eva,Ruben,Fleur,Sven,Iris,Thijs,Noor,Joost,Femke,Willem,Anouk,Maarten,Marloes,Pieter,Ilse,Niels,Ymke,Koen,Zoë',
    ),
    family: list(
      "de Jong,Jansen,de Vries,van den Berg,Bakker,van Dijk,Visser,Janssen,Smit,Meijer,de Boer,Mulder,de Groot,Bos,Vos,Peters,Hendriks,van Leeuwen,Dekker,Brouwer,de Wit,Dijkstra,Smits,de Graaf,van der Meer,van der Linden,Kok,Jacobs,de Haan,Vermeulen,van 't Hoff,IJzerman,Oudekerk,Uittenbogaard,Zijlstra",
    ),
  },
  sv: {
    given: list(
      'Anna,Lars,Maria,Erik,Karin,Anders,Emma,Johan,Elin,Per,Sara,Nils,Linnéa,Björn,Åsa,Göran,Ida,Mikael,Märta,Olof,Ingrid,Håkan,Östen,Ebba,Viktor,Saga',
    ),
    family: list(
      'Andersson,Johansson,Karlsson,Nilsson,Eriksson,Larsson,Olsson,Persson,Svensson,Gustafsson,Pettersson,Jonsson,Jansson,Hansson,Bengtsson,Jönsson,Lindberg,Jakobsson,Magnusson,Lindström,Olofsson,Lindqvist,Lindgren,Berg,Axelsson,Bergström,Lundberg,Åkesson,Öberg,Ek,Ullberg,Hjälm',
    ),
  },
  hi: {
    given: list(
      'Rahul,Priya,Amit,Anjali,Sanjay,Neha,Vijay,Pooja,Rajesh,Kavita,Arjun,Deepa,Suresh,Lakshmi,Anil,Divya,Kiran,Meera,Ravi,Sunita,Vikram,Aisha,Manish,Nisha,Harish,Usha,Ganesh,Zara,Farhan,Ishaan',
    ),
    family: list(
      'Kumar,Sharma,Singh,Patel,Gupta,Reddy,Rao,Nair,Iyer,Das,Mehta,Joshi,Shah,Verma,Menon,Khan,Pillai,Agarwal,Chatterjee,Banerjee,Mukherjee,Bose,Desai,Kulkarni,Naidu,Chopra,Malhotra,Kapoor,Saxena,Trivedi,Yadav,Qureshi,Hegde,Jain,Zaveri',
    ),
  },
  east: {
    given: list(
      'Wei,Yuki,Li,Haruto,Min,Sakura,Jing,Kenji,Yan,Aiko,Lei,Hiroshi,Fang,Takumi,Xin,Naoko,Tao,Emi,Hui,Ryo,Jun,Mei,Qiang,Kaori,Xiu,Daichi,Ying,Noriko',
    ),
    family: list(
      'Wang,Sato,Li,Suzuki,Zhang,Takahashi,Liu,Tanaka,Chen,Watanabe,Yang,Ito,Huang,Yamamoto,Zhao,Nakamura,Wu,Kobayashi,Zhou,Kato,Xu,Yoshida,Sun,Yamada,Ma,Sasaki,Zhu,Yamaguchi,Hu,Matsumoto,Guo,Inoue,He,Kimura,Lin,Hayashi,Luo,Shimizu,Ōno',
    ),
  },
  tr: {
    given: list(
      'Mehmet,Fatma,Mustafa,Ayşe,Ahmet,Emine,Ali,Hatice,Hüseyin,Zeynep,Hasan,Elif,İbrahim,Meryem,Emre,Şerife,Murat,Özlem,Burak,Gül,Can,İpek,Uğur,Çiğdem,Ömer,Leyla',
    ),
    family: list(
      'Yılmaz,Kaya,Demir,Çelik,Şahin,Yıldız,Yıldırım,Öztürk,Aydın,Özdemir,Arslan,Doğan,Kılıç,Aslan,Çetin,Kara,Koç,Kurt,Özkan,Şimşek,Polat,Korkmaz,Güneş,Işık,Ünal,Al-Haddad,Haddad,El Amrani',
    ),
  },
} as const satisfies Record<string, Names>

export type Language = keyof typeof names

export const languages: readonly [Language, ...Language[]] = [
  'en',
  'de',
  'fr',
  'es',
  'it',
  'pl',
  'nl',
  'sv',
  'hi',
  'east',
  'tr',
]

const letters: Readonly<Record<string, string>> = {
  ß: 'ss',
  ł: 'l',
  Ł: 'L',
  ı: 'i',
  İ: 'I',
  ø: 'o',
  æ: 'ae',
}

/** As it may stand in an address: letters without marks, lower case, no blanks or apostrophes. */
export function addressPart(name: string): string {
  return name
    .replace(/[ßłŁıİøæ]/g, (letter) => letters[letter] ?? '')
    .normalize('NFD')
    .replace(/[^A-Za-z0-9-]/g, '')
    .toLowerCase()
}
