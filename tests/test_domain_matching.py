"""Whether a name is a film, by class of case, and what must never change the answer.

In the tables a line is `verdict | film | name`; behind the film's year stand its other titles, and
`@` before the year of another film of that title. `alternative` is a maybe for nothing but an
alternative title.
"""

import random
import re
import unicodedata

import pytest
from house.films import wanted_film
from house.name_list import NameList
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_sync.domain.already_there import counts_as_there
from movie_sync.domain.judging import Verdict, judge
from movie_sync.domain.models import Movie
from movie_sync.domain.name_index import KeyIndex
from movie_sync.domain.path_name import is_never_film
from movie_sync.domain.titles import knows_no_title
from movie_sync.domain.wanted import WantedFilm

CASES = {
    "sequels": """
        yes | Saw II (2005) | Saw.2.2005.UNRATED.1080p
        no | Saw (2004) | Saw.2.2005
        yes | Rocky II (1979) | Rocky.II.1979
        no | Rocky II (1979) | Rocky.III.1982
        yes | Rocky (1976) | Rocky.I.1976.1080p
        no | Spider-Man 2 (2004) | Spider-Man.2002.1080p
        no | Aliens (1986) | Alien.1986.1080p
        no | Alien (1979) | Aliens.1979
        no | Alien (1979) | Alien - 01 [1080p].mkv
        yes | Avatar: The Way of Water (2022) | Avatar.2.The.Way.of.Water.2022.1080p
        no | Avatar (2009) | Avatar.The.Way.of.Water.2022
        yes | Ip Man 4: The Finale (2019) | Ip.Man.4.2019
        yes | Ip Man 4: The Finale (2019) | Ip.Man.The.Finale.2019
        yes | Fast X (2023) | Fast.X.2023.1080p
        no | Furious 7 (2015) | Fast.and.Furious.6.2013.1080p
        no | Final Destination (2000); @2009 | The.Final.Destination.2009
        yes | 2 Fast 2 Furious (2003) | 2.Fast.2.Furious.2003.1080p
        no | Sing (2016) | Sing.2.2021.1080p
    """,
    "remakes and twins": """
        yes | The Thing (1982); @2011 | John.Carpenters.The.Thing.1982
        no | The Thing (1982); @2011 | The.Thing.2011
        maybe | The Thing (1982); @2011 | The.Thing.mkv
        no | Ghostbusters (2016); @1984 | Ghostbusters.1984
        maybe | Ghostbusters (2016); @1984 | Ghostbusters.1080p
        yes | Metropolis (1927); @2001 | Metropolis.1927.1080p
        no | Metropolis (1927); @2001 | Metropolis.2001.1080p
        yes | Oldboy (2003); @2013 | Old.Boy.2003
        no | The Avengers (2012); @1998 | The.Avengers.1998
        no | Halloween II (1981); @2009 | Halloween.II.2009
    """,
    "years off by one": """
        yes | Memento (2000) | Memento.2001.1080p.BluRay.x264-GRP
        yes | The Hurt Locker (2008) | The Hurt Locker (2009)
        no | Memento (2000) | Memento.2002.1080p
        no | Heat (1995); @1996 | Heat.1996.1080p
        maybe | Speak No Evil (2022); @2024 | Speak.No.Evil.2023
        maybe | The Batman (2022) | Batman.2021.1080p
        maybe | Solo: A Star Wars Story (2018); Solo | Solo.2017.1080p
        no | Avatar: The Way of Water (2022) | Avatar.2.The.Way.of.Water.2021
    """,
    "numbers and years in titles": """
        yes | 1917 (2019) | 1917.2019.1080p.BluRay
        yes | 1917 (2019) | 1917.mkv
        yes | 2012 (2009) | 2012.2009.720p.BluRay.x264-METiS
        yes | 2012 (2009) | 2009 - 2012.mkv
        yes | 300 (2006) | 300.mkv
        no | 300 (2006) | 300.Rise.of.an.Empire.mkv
        yes | 1984 (1984) | 1984.1984.1080p
        yes | 2001: A Space Odyssey (1968) | 2001.A.Space.Odyssey.1968.HDDVD.1080p
        yes | Blade Runner 2049 (2017) | Blade.Runner.2049.1080p
        no | Blade Runner (1982) | Blade.Runner.2049.2017
        no | Blade Runner (1982) | Blade.Runner.2049.1080p
        yes | Death Race 2000 (1975) | Death.Race.2000.1080p
        no | Death Race (2008) | Death.Race.2000.1975
        yes | Airport 1975 (1974) | Airport 1975 - 1974 - 1080p.mkv
        no | Airport (1970) | Airport.1975.1974
        yes | (500) Days of Summer (2009) | 500.Days.of.Summer.2009
        yes | 10 Cloverfield Lane (2016) | 10.Cloverfield.Lane.2016.1080p
        no | Cloverfield (2008) | 10.Cloverfield.Lane.2016.1080p
        yes | Fahrenheit 11/9 (2018) | Fahrenheit.11.9.2018
        no | Fahrenheit 11/9 (2018) | Fahrenheit.9.11.2004
        yes | The Naked Gun 2½: The Smell of Fear (1991) | The.Naked.Gun.2.5.The.Smell.of.Fear.1991
        yes | Das Boot (1981) | Das.Boot.1981.Directors.Cut.1997.1080p
        maybe | Star Wars (1977) | Star Wars (2004) Special Edition.mkv
        yes | Captain America: Civil War (2016) | Captain.America.Civil.War.1080p.BT.2020.DTS
    """,
    "numerals, number words, parts and volumes": """
        yes | Ocean's Thirteen (2007) | Oceans.13.2007.1080p.BluRay.x264
        yes | Kill Bill: Vol. 2 (2004) | Kill.Bill.Volume.II.2004.1080p
        no | Kill Bill: Vol. 2 (2004) | Kill.Bill.Vol.1.2003.1080p
        maybe | Kill Bill: Vol. 1 (2003) | Kill.Bill.2003.1080p
        yes | Dune: Part Two (2024) | Dune.Part.II.2024.2160p
        yes | Dune (2021); @1984 | Dune.Part.One.2021.1080p
        no | Dune (2021); @1984 | Dune.Part.Two.2024.1080p
        no | Nymphomaniac: Vol. II (2013) | Nymphomaniac.Vol.I.2013
        no | Che: Part Two (2008) | Che.Part.One.2008
        yes | Guardians of the Galaxy Vol. 2 (2017) | Guardians of the Galaxy 2 (2017)
        yes | Friday the 13th Part VI: Jason Lives (1986) | Friday.the.13th.VI.Jason.Lives.1986
        yes | 3 Idiots (2009) | Three.Idiots.2009
        yes | Malcolm X (1992) | Malcolm.X.1992
        yes | Resident Evil: The Final Chapter (2016) | Resident.Evil.6.The.Final.Chapter.2016
    """,
    "short titles": """
        yes | It (2017); @1990 | It.2017.1080p
        no | It (2017); @1990 | It.Comes.At.Night.2017.1080p
        no | Up (2009) | Up.in.the.Air.2009
        no | Us (2019) | US.Marshals.1998
        yes | Her (2013) | Her.2013.1080p
        yes | Cam (2018) | CAM.2018.1080p.NF.WEB-DL
        yes | M (1931) | M.1931.1080p
        no | M (1931) | M3GAN.2022
        yes | xXx (2002) | xXx.2002.1080p
    """,
    "articles, signs and spelling": """
        yes | The Matrix (1999) | Matrix, The (1999).mkv
        yes | The Empire Strikes Back (1980) | Empire.Strikes.Back.DVDRip
        maybe | The Batman (2022) | Batman.1080p
        maybe | A Hidden Life (2019) | The.Hidden.Life.2019
        yes | Fast & Furious (2009) | Fast.Furious.2009.1080p
        no | Fast & Furious (2009) | The.Fast.and.the.Furious.2001.1080p
        yes | WALL·E (2008) | WALLE (2008)
        maybe | Deadpool (2016) | The.Dead.Pool.1080p
        yes | ¡Three Amigos! (1986) | 3 Amigos (1986)
        yes | [REC]² (2009) | REC.2.2009.1080p
        no | [REC] (2007) | [REC] 2 (2009)
        yes | S1m0ne (2002) | Simone.2002.1080p
        yes | Birdman or (The Unexpected Virtue of Ignorance) (2014) | Birdman.2014.1080p
        yes | The Avengers (2012) | Marvels.The.Avengers.2012.1080p
    """,
    "typing errors": """
        yes | Interstellar (2014) | Intersteller.2014.1080p
        yes | Terminator 2: Judgment Day (1991) | Terminator.2.Judgement.Day.1991.1080p
        yes | Pulp Fiction (1994) | Pulp Fiktion (1994)
        no | Interstellar (2014) | Intersteller.2013.1080p
        no | The Hunter (2011) | The.Hunters.2011
        no | Crash (1996) | Trash.1996
        no | Iron Man 2 (2010) | Iron.Men.3.2010
    """,
    "accents and other alphabets": """
        yes | Tár (2022) | TAR.2022.1080p
        yes | Über uns das All (2011) | Ueber.uns.das.All.2011
        alternative | Brother 2 (2000); Брат 2 | Брат 2 (2000) BDRip 1080p
        alternative | Brother 2 (2000); Брат 2 | Brat.2.2000.1080p
        yes | Leviathan (2014); Левиафан | Левиафан / Leviathan (2014) BDRip
        alternative | Spirited Away (2001); 千と千尋の神隠し | 千と千尋の神隠し (2001) [BD 1080p]
        alternative | Infernal Affairs II (2003); 無間道II | 無間道 II (2003) [1080p]
        no | Infernal Affairs (2003); 無間道 | 無間道II (2003) [1080p]
        alternative | Brother 2 (2000); Брат 2 | Брат 2 Brat 2 (2000)
        yes | Spirited Away (2001) | 千与千寻.Spirited.Away.2001.1080p
        alternative | π (1998); Pi | Pi.1998.1080p
        alternative | 12:08 East of Bucharest (2006); A fost sau n-a fost? | A.fost.sau.n-a.fost.2006.RO
    """,
    "alternative titles": """
        yes | The Prestige (2006); Le Prestige | Le.Prestige.(The.Prestige).2006.DVDRip
        yes | Just Mercy (2019) | Just Mercy - Il diritto di opporsi (2019) ITA ENG
        yes | Breathless (1960); À bout de souffle | A Bout de Souffle AKA Breathless (1960) Criterion
        yes | Twins (1988); Zwillinge | Twins.Zwillinge.1988.German
        yes | Mirror (1975); Zerkalo | Zerkalo aka Mirror 1975
        alternative | Mirror (1975); Zerkalo | Zerkalo.1975.1080p
        alternative | Shazam! (2019); Captain Marvel | Captain.Marvel.2019.1080p.BluRay
        alternative | Dark Phoenix (2019); Teen Spirit | Teen.Spirit.2018.1080p
        alternative | Shazam! (2019); Captain Marvel | Captain.Marvle.2019.1080p
        alternative | Downfall (2004); Untergang & Ende | Untergang.und.Ende.2004.1080p
        yes | Fast & Furious (2009); Fast Furious | Fast.Furious.2009.1080p
        yes | Captain Marvel (2019); Shazam! | Captain.Marvel.2019.1080p
        no | Shazam! (2019); Captain Marvel | Captain.Marvel.2016.1080p
        maybe | Pinocchio (2022) | Pinocchio - A True Story (2022)
        maybe | Jurassic World (2015) | Jurassic World - Fallen Kingdom 2015
        no | Pinocchio (2022) | Guillermo.del.Toros.Pinocchio.2021
        yes | Corpse Bride (2005) | Tim.Burtons.Corpse.Bride.2005
    """,
    "editions and tags": """
        yes | Apocalypse Now (1979) | Apocalypse.Now.Redux.1979.1080p
        yes | Apocalypse Now (1979) | Apocalypse Now - Final Cut (1979) [2160p]
        yes | The Collector (2009) | The.Collector.Directors.Cut.2009
        yes | The Final Cut (2004) | The.Final.Cut.2004.1080p
        yes | Alien (1979) | Alien DC (1979) [1080p]
        maybe | Saw (2004) | Saw.3D.DVDRip.XviD
        yes | The Good German (2006) | The.Good.German.2006
        yes | Easy Rider (1969) | Easy Rider  (Drama 1969)  Peter Fonda  720p
        yes | Rocky (1976) | Rocky.1976.CRITERION.COLLECTION.1080p
        yes | Aliens (1986) | Aliens (1986) [1080p] + Extras
        yes | Love Actually (2003) | Love.Actually.2003.With.Commentary.1080p
        yes | Alien (1979) | Alien (1979) - CD1.avi
    """,
    "editions and labels behind the year": """
        yes | Heat (1995) | Heat.1995.Directors.Definitive.Edition.1080p.BluRay.x264-GRP
        yes | Heat (1995) | Heat.1995.Mind.Bending.Edition.1080p.BluRay
        yes | Heat (1995) | Heat.1995.2.Disc.Special.Edition.DVDRip
        yes | Heat (1995) | Heat.1995.Version.Restauree.1080p
        yes | Heat (1995) | Heat.1995.Montaje.del.Director.1080p
        yes | Heat (1995) | Heat.1995.Langfassung.German.1080p
        yes | Heat (1995) | Heat.1995.New.4K.Restoration.1080p
        yes | Heat (1995) | Heat.1995.Kino.Lorber.1080p.BluRay
        yes | Heat (1995) | Heat.1995.CEE.1080p.Blu-ray.AVC
        yes | Heat (1995) | Heat.1995.MAX.WEB-DL.1080p
        yes | Heat (1995) | Heat.1995.STV.FRENCH.DVDRip
        yes | Heat (1995) | Heat.1995.D.WEB-DL.1O8Op
        yes | Heat (1995) | Heat.1995.Dublat.RO.1080p
        yes | Heat (1995) | Heat.1995.SUBITA.720p
        yes | Heat (1995) | Heat.1995.盗火线.1080p
        yes | Heat (1995) | Heat (1995) {edition-Director's Cut} [Bluray-1080p].mkv
        yes | Heat (1995) | Heat (1995) - [Directors Cut].mkv
        yes | Heat (1995) | Heat (1995) - 4K DV.mkv
        yes | Heat (1995) | Heat (1995) (1).mkv
        yes | Heat (1995) | Heat (1995) 5.1 1.4GB 720p
        yes | Heat (1995) | Heat (1995) [EE by ADM] 480p
        yes | Heat (1995) | Heat (1995) [www.site.org] 1080p
        yes | Heat (1995) | Heat (1995) [YTS.MX].mp4
        yes | Heat (1995) | Heat[1995]-LIFE[ultimafrontiera]
        yes | Heat (1995) | Heat.1995.1080p.BluRay.x264-REACTION
        yes | Heat (1995) | Heat [1995, США, боевик, BDRip 1080p] Dub
        yes | Heat (1995) | Heat (Crime 1995) Al Pacino 720p
        yes | Heat (1995) | Heat.1995.AKA.Fuego.1080p
        yes | Heat (1995); Fuego contra fuego | Heat (1995) (Fuego contra fuego) 1080p
        yes | Alien vs. Predator (2004) | Alien.vs.Predator.2004.1080p
    """,
    "other things behind the year": """
        no | Heat (1995) | Heat.1995.RiffTrax.1080p
        no | Heat (1995) | Heat.1995.1080p.RiffTrax.BluRay
        no | Heat (1995) | Heat (1995) Movie Reaction 1080p
        no | Heat (1995) | Heat (1995)-reaction.mkv
        no | Heat (1995) | Heat.1995.Movie.Recap.720p
        no | Heat (1995) | Heat.1995.Commentary.Only.AC3
        no | Heat (1995) | Heat.1995.Subs.Only.BluRay
        no | Heat (1995) | Heat.1995.Radio.Drama.AAC
        no | Heat (1995) | Heat (1995) [Stage Play].mkv
        no | Heat (1995) | Heat.1995.Live.in.Concert.1080p
        no | Heat (1995) | Heat.1995.Longplay.1080p
        no | Heat (1995) | Heat.1995.Fan.Edit.1080p
        no | Heat (1995) | Heat (1995) {edition-Fan Cut}.mkv
        no | Heat (1995) | Heat.1995.Abridged.Version.1080p
        no | Heat (1995) | Heat.1995.vs.Ronin.1080p
        no | Heat (1995) | Heat.1995.Documentary.About.It.1080p
        no | Heat (1995) | Heat.1995.Q&A.1080p
        no | Heat (1995) | Heat (1995)-deleted.mkv
        maybe | Heat (1995) | Heat.1995.Remake.1080p
        maybe | Heat (1995) | Heat.1995.Documentary.1080p
        maybe | Heat (1995) | Heat.1995.Directors.Commentary.1080p
        maybe | Heat (1995) | Heat.1995.The.Musical.1080p
        maybe | Heat (1995) | Heat.1995.Phantom.Edit.1080p
        maybe | Heat (1995) | Heat.1995.TV.Special.1080p
        maybe | Heat (1995) | Heat.1995.Puppet.Show.1080p
        maybe | Heat (1995) | Heat.1995.The.Revenge.1080p
        maybe | Heat (1995) | Heat (1995) [Michael B. Jordan] 1080p
        maybe | Heat (1995) | Heat (1995) Puppet Show/Heat.mkv
        maybe | Matilda (2022) | Matilda.2022.The.Musical.1080p
        yes | Matilda the Musical (2022) | Matilda.2022.The.Musical.1080p
        maybe | Heat (1995) | Heat (1995) [Musical] 1080p
        maybe | Heat (1995) | Heat.1995.Lego.Version.1080p
        yes | The Concert (2009) | The.Concert.2009.1080p
        yes | The Abridged Life (2012) | The.Abridged.Life.2012.1080p
    """,
    "parts behind the year": """
        yes | Gangs of Wasseypur - Part 2 (2012); Gangs of Wasseypur | Gangs.of.Wasseypur.2012.Part.Two.720p
        no | Gangs of Wasseypur - Part 2 (2012); Gangs of Wasseypur | Gangs of Wasseypur 2012 Part 1 720p
        no | Gangs of Wasseypur (2012) | Gangs of Wasseypur 2012 Part 2 720p
        yes | Nymphomaniac: Vol. II (2013) | Nymphomaniac.2013.Directors.Cut.Vol.II.1080p
        yes | Nymphomaniac: Vol. II (2013) | Nymphomaniac.2013.1080p.BluRay.Volume.II.x264
        no | Nymphomaniac: Vol. I (2013); Nymphomaniac | Nymphomaniac.2013.Volume.II.1080p
        no | Nymphomaniac: Vol. I (2013); Nymphomaniac | Nymphomaniac (2013) - part2.mkv
        no | Nymphomaniac: Vol. I (2013); Nymphomaniac | Nymphomaniac.2013.II.1080p
        yes | Rocky II (1979) | Rocky.1979.II.1080p
        yes | Red Cliff Part II (2009) | Red.Cliff.2009.Partea.a.II-a.1080p
        no | John Wick (2014) | John Wick (2014) Chapter 2 1080p
        maybe | Dune (2021) | Dune.2021.Part.One.1080p
        yes | Dune: Part One (2021) | Dune.2021.Part.One.1080p
        no | Heat (1995) | Heat.1995.CD1.DVDRip.XviD-GRP
        no | Rocky II (1979) | Rocky.II.1979.CD2.DVDRip.XviD-GRP
        maybe | Rogue One: A Star Wars Story (2016) | Rogue.One.A.Star.Wars.Story.2016.Part.1.1080p
        maybe | Heat (1995) | Heat.1995.1of2.DVDRip
        yes | Heat (1995) | Heat.1995.CD1.CD2.DVDRip
        yes | Heat (1995) | Heat (1995)/Heat (1995) - pt2.mkv
        yes | Heat (1995) | Heat.1995.2CD.PT.5.1.DVDRip
        yes | Ip Man 4: The Finale (2019); Ip Man 4 | Ip Man 4 The Finale (2019) CD1.avi
    """,
    "beginnings and odd forms": """
        yes | Jurassic Park (1993) | 1993- Jurassic Park.mkv
        yes | Jurassic Park (1993) | 1993.Jurassic.Park.1080p.mkv
        yes | Jurassic Park (1993) | 1993_Jurassic_Park.mkv
        yes | Jurassic Park (1993) | 1993 - Jurassic Park (1993).mkv
        no | Jurassic Park (1993) | 1994 Jurassic Park.mkv
        yes | Heat (1995) | 1995 Heat.mkv
        yes | 2012 (2009) | 2009 2012.mkv
        yes | 2001: A Space Odyssey (1968) | 1968 2001 A Space Odyssey.mkv
        maybe | Police Academy (1984) | Police Academy Collection/01 Police Academy.mkv
        yes | Police Academy (1984) | 01.Police.Academy.1984.1080p.mkv
        maybe | Police Academy (1984) | 1 Police Academy (1984).mkv
        maybe | Monkeys (1995) | 12 Monkeys (1995).mkv
        maybe | It (1990); @2017 | Stephen.Kings.It.1990.1080p
        maybe | Psycho (1960) | Hitchcocks.Psycho.1960.1080p
        maybe | Dracula (1992) | Francis.Ford.Coppolas.Dracula.1992
        yes | Anchoress (1993) | Anchoress (1993) [Anchoress.1993.720p.BluRay]
        yes | Heat (1995) | Heat (1995) - Heat 1080p.mkv
        yes | Cash Out (2024) | Cash.Out-I.maghi.del.furto.2024.1080p
        no | Spider (2002) | Spider-Man.2002.1080p
        maybe | Spider (2018) | Spider-Man Un Nuovo Universo 2018 1080p
        yes | I Am Legend (2007) | 我是传奇.I.Am.Legend.2007.1080p
        yes | A Chinese Ghost Story II (1990) | 倩女幽魂2.A Chinese Ghost Story II.1990.1080p
        yes | E.T. the Extra-Terrestrial (1982) | 外星人.E.T.the.Extra-Terrestrial.1982
        yes | 8-Bit Christmas (2021) | Tamilblasters.sbs - 8 Bit Christmas (2021) HDRip
        yes | 8-Bit Christmas (2021) | www.moviez.photography_-_8_Bit_Christmas_2021
        yes | Heat (1995) | www.site.com.Heat.1995.1080p.BluRay-GRP
        yes | Up (2009) | @movies_hd - Up (2009) 1080p
        yes | Mr. Nobody (2009) | Mr.Nobody - 2009 - 1080p.mkv
        yes | X-Men: Days of Future Past (2014) | Days.of.Future.Past.2014.1080p
        maybe | The Lord of the Rings: The Two Towers (2002) | The.Lord.of.the.Rings.2002.1080p
        yes | The Scorch Trials (2015) | The.Scorch.Trials.OM.2015.WEB-DLRip.by.Seven
    """,
    "sites, groups and numbers before the title": """
        yes | Titanic (1997) | www.TamilBlasters.cam - Titanic (1997)[1080p BDRip]
        yes | Titanic (1997) | [ www.Torrenting.com ] - Titanic.1997.720p
        yes | Up (2009) | [SomeThing]Up.2009.720p.x264-Group
        yes | The Right Stuff (1983) | grp-the.right.stuff.1983.multi.1080p.bluray.x264.mkv
        yes | GoldenEye (1995) | 007 - GoldenEye (1995)
        yes | GoldenEye (1995) | 17. GoldenEye (1995)
        yes | Pulp Fiction (1994) | Quentin Tarantino - Pulp Fiction (1994)
        yes | 9 Songs (2004) | 2004 - 9 Songs.mkv
        yes | Dracula Untold (2014) | (2014) Dracula Untold
        yes | Hostel (2005) | [BluRay Rip 720p ITA AC3 - ENG] Hostel[2005]-LIFE
    """,
    "episodes": """
        no | Fargo (1996) | Fargo.1996.S01.Complete.mkv
        no | Fargo (1996) | Fargo Season 1 (1996)
        no | Hannibal (2001) | Hannibal 1x01.avi
        no | Elementary (2014) | Elementary.2014.11.06.HDTV.mkv
        no | Fargo (1996) | Fargo/Season 1/Fargo.mkv
        yes | Season of the Witch (2011) | Season.of.the.Witch.2011
        yes | Apollo 13 (1995) | Apollo 13 (1995) [1080p] [x264] [E-AC3-S78]
        alternative | Star Wars (1977); Star Wars: Episode IV - A New Hope | Star.Wars.Episode.IV.A.New.Hope.1977
    """,
    "extras, samples, trailers": """
        no | Inception (2010) | Inception.2010.EXTRAS.1080p.BluRay
        no | Inception (2010) | Inception.2010.Bonus.Disc.1080p
        no | Inception (2010) | Inception-featurette.mkv
        no | Inception (2010) | Inception.2010.PROOF.SAMPLE.x264
        no | Inception (2010) | Inception (2010)-trailer.mp4
        no | The Shining (1980) | The.Shining.1980.Behind.the.Scenes
        yes | Free Samples (2012) | Free.Samples.2012.1080p
        yes | The Interview (2014) | The.Interview.2014.1080p
        yes | Trailer Park Boys: The Movie (2006) | Trailer.Park.Boys.The.Movie.2006
        no | Saw (2004) | Saw.2004.1080p.BluRay.srt
        no | Saw (2004) | Saw (2004)/poster.jpg
    """,
    "music, games, books, parodies": """
        no | Blade Runner (1982) | Vangelis - Blade Runner (1982) [FLAC]
        no | Inception (2010) | Hans Zimmer - Inception OST 2010 FLAC
        yes | The Score (2001) | The.Score.2001.1080p
        no | The Game (1997) | The.Game-CODEX
        yes | The Game (1997) | The.Game.1997.1080p
        no | Saw (2004) | Saw (2004) Novel.epub
        no | Gladiator (2000) | Gladiator.2000.XXX.DVDRip
        no | The Hunger Games (2012) | The.Starving.Games.Parody.2012
    """,
    "packs": """
        no | The Matrix (1999) | The.Matrix.Trilogy.1999-2003.1080p
        no | Alien (1979) | Alien.Anthology.1979-1997.1080p
        no | Rocky (1976) | Rocky 1-6 (1976-2006)
        no | Saw (2004) | Saw.Collection.1080p
        no | Toy Story (1995) | 1995-2010 Toy Story 1080p
        yes | The Collection (2012) | The.Collection.2012.1080p
        yes | Toy Story (1995) | Toy Story Trilogy (1995-2010)/Toy Story (1995).mkv
    """,
    "files in folders": """
        yes | The Shining (1980) | The Shining (1980)/The Shining.mkv
        yes | The Shining (1980) | The Shining (1980)/CD1.avi
        yes | The Shining (1980) | The Shining (1980)/BDMV/STREAM/00001.m2ts
        yes | Somewhere (2010) | Movies/Somewhere.2010.DVDRip.XviD-iLG/i-smwhr.avi
        no | The Shining (1980) | The Shining (1980)/Extras/The Shining.mkv
        no | The Shining (1980) | The Shining (1980)/sample.mkv
        no | Inception (2010) | Inception.2010.EXTRAS.1080p/inception.2010.1080p.mkv
        no | Alien (1979) | Alien (1979)/Aliens (1986).mkv
        maybe | Alien (1979) | Alien (1979)/Aliens.mkv
        no | Batman (2022) | Batman (1989)/Batman.mkv
        yes | Alien (1979) | Other/Alien (1979).mkv
        no | Alien (1979) | Alien (1979)/Other/alien.mkv
        yes | V/H/S/2 (2013) | V/H/S/2 (2013)
        yes | Deerskin (2019) | Deerskin (2019)/Le Daim.mkv
        maybe | Rocky (1976) | Rocky (1976)/Rocky II.mkv
        maybe | Alien (1979) | Alien (1979)/alien.resurrection.mkv
        yes | Persepolis (2007) | Persepolis (2007)/[XCT] Persepolis [H264+Aac(Fr-Eng)].mkv
    """,
}


def read_film(text):
    """Read a film as the tables write it."""
    head, *more = (piece.strip() for piece in text.split(";"))
    title, year = re.fullmatch(r"(.*) \((\d{4})\)", head).groups()
    twins = [int(piece[1:]) for piece in more if piece.startswith("@")]
    titles = [piece for piece in more if not piece.startswith("@")]
    return wanted_film(title, int(year), alternative_titles=tuple(titles), twin_years=tuple(twins))


def lines():
    """Give every line of the tables, with its class as the test's id."""
    for group, table in CASES.items():
        for line in filter(None, map(str.strip, table.splitlines())):
            verdict, wanted, name = (piece.strip() for piece in line.split("|", 2))
            yield pytest.param(verdict, wanted, name, id=f"{group}: {name}")


ALL = [parameter.values for parameter in lines()]


@pytest.mark.parametrize(("verdict", "wanted", "name"), list(lines()))
def test_verdict(verdict, wanted, name):
    """Every name of the tables gets its verdict."""
    found = judge(read_film(wanted), name)
    assert ("alternative" if found.alternative_keys else found.verdict) == verdict, found.reason


@pytest.mark.parametrize(
    ("wanted", "name", "reason"),
    [
        ("The Godfather Part II (1974)", "The.Godfather.Part.III.1990", "another part: 3 instead of 2"),
        ("Dune (2021)", "Dune.1984.1080p", "the year is 1984, not 2021"),
        ("Fargo (1996)", "Fargo.S01E01.720p", "an episode"),
        ("Inception (2010)", "Inception.2010.Sample.mkv", "a sample"),
        ("Dune (2021)", "Dune.Drifter.2020.1080p", "another title: dune drifter (2020)"),
        ("Up (2009)", "{}", "no title"),
    ],
)
def test_every_no_says_why(wanted, name, reason):
    """A refusal names what is different in words a user understands."""
    found = judge(read_film(wanted), name)
    assert found.verdict == Verdict.NO
    assert reason in found.reason


def test_imdb_id_in_the_name_decides():
    """The right id makes an odd name the film, another id makes the right name another film."""
    wanted = wanted_film("Inception", 2010, imdb_id="tt1375666")
    assert judge(wanted, "Origine {imdb-tt1375666} [1080p].mkv").verdict == Verdict.YES
    assert judge(wanted, "Inception (2010) {imdb-tt7321322}.mkv").verdict == Verdict.NO
    assert judge(wanted, "Inception (2010) {imdb-tt1375666}-trailer.mkv").verdict == Verdict.NO
    assert judge(wanted, "Origine.mkv", id_beside="tt1375666").verdict == Verdict.YES
    assert judge(wanted, "Inception (2010) [tt1375666].mkv", id_beside="tt0000001").verdict == Verdict.YES


def test_a_film_without_a_year_is_at_most_maybe():
    """A title alone does not tell films apart."""
    assert judge(wanted_film("Heat", None), "Heat.1995.1080p").verdict == Verdict.MAYBE
    assert judge(wanted_film("Heat", None), "Heat.mkv").verdict == Verdict.MAYBE


def test_only_title_and_year_as_they_are_make_it_exact():
    """A film without an IMDb id is downloaded only on an exact name."""
    heat = read_film("Heat (1995)")
    assert judge(heat, "Heat.1995.1080p").exact
    assert not judge(heat, "Heat.1996.1080p").exact
    assert not judge(heat, "Heat.1080p").exact


def test_wanted_from_a_movie_takes_all_its_titles():
    """The title and the original title are the film's own; an alternative title has to be proved."""
    movie = Movie(
        id="x", slug="x", title="Downfall", year=2004, original_title="Der Untergang",
        alternative_titles=("La caduta",),
    )  # fmt: skip
    wanted = WantedFilm.from_movie(movie)
    for name in ("Downfall.2004", "Der.Untergang.2004.German", "Downfall.Der.Untergang.2004.German"):
        assert judge(wanted, name).verdict == Verdict.YES
    assert judge(wanted, "La.caduta.2004.iTA").alternative_keys


def test_an_alternative_title_is_named_as_it_could_be_another_films():
    """Whoever knows other films is told that title, and how the name writes it."""
    wanted = wanted_film("Shazam!", 2019, alternative_titles=("Captain Marvel & Co",), imdb_id="tt0448115")
    found = judge(wanted, "Captain.Marvel.Co.2019.1080p")
    assert found.alternative_keys == ("captainmarvelandco", "captainmarvelco")
    assert "alternative title" in found.reason
    assert judge(wanted, "Captain.Marvel.Co.2019 {imdb-tt0448115}").verdict == Verdict.YES


DOTTED = re.compile(r"[\w.']+\.(19|20)\d\d(\.\w+)*(?<!\.srt)(?<!\.avi)")
SEPARATORS = (".", " ", "_")
TAILS = ("1080p", "BluRay", "x264", "DTS", "10bit", "HEVC", "AC3")


def counts(found):
    """Tell whether a name is the film to somebody who knows no other film."""
    return counts_as_there(found, knows_no_title)


def is_opposite(one, other):
    """Tell whether two verdicts are a yes and a no."""
    return {one, other} == {Verdict.YES, Verdict.NO}


@given(case=st.sampled_from(ALL), how=st.sampled_from((str.upper, str.lower, str.title)))
def test_case_never_turns_a_verdict(case, how):
    """Capitals mean nothing."""
    _, wanted, name = case
    assert not is_opposite(
        judge(read_film(wanted), name).verdict, judge(read_film(wanted), how(name)).verdict
    )


@given(case=st.sampled_from(ALL))
def test_accents_never_turn_a_verdict(case):
    """A name without its accents is the same name."""
    _, wanted, name = case
    plain = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    assert not is_opposite(judge(read_film(wanted), name).verdict, judge(read_film(wanted), plain).verdict)


@given(
    case=st.sampled_from([case for case in ALL if DOTTED.fullmatch(case[2])]),
    separator=st.sampled_from(SEPARATORS),
    tail=st.permutations(TAILS),
    count=st.integers(0, len(TAILS)),
)
def test_separators_and_tails_never_turn_a_verdict(case, separator, tail, count):
    """Dots, blanks and underscores are the same, and technical words behind a name say nothing of it."""
    _, wanted, name = case
    changed = separator.join([*name.split("."), *tail[:count]])
    assert not is_opposite(judge(read_film(wanted), name).verdict, judge(read_film(wanted), changed).verdict)


@given(order=st.permutations(["1999", "German", "EXTENDED", "1080p", "BluRay", "x264"]))
def test_order_of_tags_never_turns_a_verdict(order):
    """Wherever the year stands among the tags, it is the film's."""
    assert judge(read_film("The Matrix (1999)"), ".".join(["The.Matrix", *order])).verdict == Verdict.YES
    assert judge(read_film("The Matrix (2021)"), ".".join(["The.Matrix", *order])).verdict == Verdict.NO


@settings(max_examples=settings().max_examples, deadline=None)
@given(names=st.lists(st.sampled_from([case[2] for case in ALL]), unique=True, max_size=40))
def test_a_verdict_never_depends_on_other_names(names):
    """The index finds a film exactly where judging each name alone does."""
    index = NameList(names)
    assert len(index) == len(names)
    for wanted in {case[1] for case in ALL[::7]}:
        alone = next((name for name in names if counts(judge(read_film(wanted), name))), None)
        assert index.find(read_film(wanted)) == alone


@given(st.text(max_size=120))
def test_no_name_breaks_the_judgement(name):
    """Any text gets a verdict with a reason."""
    assert judge(read_film("Heat (1995)"), name).reason


def test_index_finds_by_id_beside_and_forgets():
    """An .nfo's id counts like one in the name, and what is discarded is not found any more."""
    wanted = wanted_film("Heat", 1995, imdb_id="tt0113277")
    index = KeyIndex()
    index.add(7, "unknown.mkv", imdb_id="tt0113277")
    index.add(8, "Heat (1995).mkv")
    index.add(9, "Other (2001).mkv")
    assert set(index.candidates(wanted)) == {7, 8}
    index.discard({7})
    assert index.candidates(wanted) == [8]


def test_index_narrows_many_names():
    """Among thousands of names a film is looked for in a handful."""
    numbers = random.Random(1)
    index = KeyIndex()
    for number in range(3000):
        index.add(number, f"Film {numbers.randrange(10**9)} ({1950 + number % 70}).mkv")
    index.add(3000, "Heat.1995.1080p.mkv")
    assert index.candidates(read_film("Heat (1995)")) == [3000]


def test_what_can_be_no_film_is_known_without_one():
    """Episodes and subtitle files need not be kept for any film."""
    assert is_never_film("Fargo.S01E01.mkv")
    assert is_never_film("Heat (1995)/Featurettes/a.mkv")
    assert not is_never_film("Heat.1995.mkv")
