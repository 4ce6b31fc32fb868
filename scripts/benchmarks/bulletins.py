"""Forty Vietnamese bulletins as communes write them, each of about 23 s spoken; no sentence occurs twice.

Ten subjects, each told of four communes: every sentence holds something of its own, so that a cache of sentences
saves nothing.
"""

PLACES = (
    {"xã": "Lạng Giang", "thôn": "Đồng Nô", "ngày": "24/11", "giờ": "7h30", "hạn": "30/11/2026", "số": "115",
     "tiền": "450.000đ", "nơi": "nhà văn hóa thôn Kép", "máy": "0204 3888 115"},
    {"xã": "Tân Dĩnh", "thôn": "Dĩnh Xuyên", "ngày": "26/11", "giờ": "8h15", "hạn": "05/12/2026", "số": "240",
     "tiền": "1.200.000đ", "nơi": "trường tiểu học số 2", "máy": "0204 3562 240"},
    {"xã": "Mỹ Thái", "thôn": "Cầu Chính", "ngày": "01/12", "giờ": "13h45", "hạn": "12/12/2026", "số": "376",
     "tiền": "85.000đ", "nơi": "sân vận động trung tâm", "máy": "0204 3741 376"},
    {"xã": "Tiên Lục", "thôn": "Giữa", "ngày": "03/12", "giờ": "14h20", "hạn": "20/12/2026", "số": "598",
     "tiền": "2.750.000đ", "nơi": "đình làng Thuận Hòa", "máy": "0204 3629 598"},
)  # fmt: skip

SUBJECTS = (
    "Điện lực {xã} tạm ngừng cấp điện ngày {ngày}, từ {giờ} đến 17h, để sửa trạm biến áp thôn {thôn}. Khoảng {số} hộ "
    "sẽ mất điện, bà con chủ động bơm nước trước {giờ}. Đường dây coi như luôn có điện, người dân {thôn} không trèo "
    "cột. Cần hỗ trợ, xin gọi số {máy}.",
    "Trạm y tế {xã} tiêm vắc xin sởi cho trẻ từ 9 tháng tuổi vào {giờ} ngày {ngày}. Phụ huynh thôn {thôn} đưa trẻ tới "
    "{nơi}, mang theo sổ tiêm chủng. Trẻ đang sốt trên 38,5°C hoãn tiêm đến ngày {hạn}. Đợt này có {số} liều, miễn phí "
    "cho trẻ thường trú tại {xã}.",
    "Hợp tác xã {xã} mở cống lấy nước đổ ải từ {giờ} ngày {ngày}. Các hộ thôn {thôn} khơi thông mương và be bờ giữ "
    "nước trước ngày {hạn}. Diện tích tưới đợt đầu là {số} ha, ưu tiên ruộng cao ở {thôn}. Phí thủy lợi {tiền} một "
    "mẫu, nộp tại {nơi}.",
    "Công an {xã} cảnh báo có kẻ giả danh cán bộ, yêu cầu chuyển {tiền} để làm lại giấy tờ. Ở thôn {thôn} đã có người "
    "bấm vào đường link lạ và mất {số} triệu đồng. Công an chỉ mời dân tới {nơi} bằng giấy. Gặp trường hợp nghi ngờ, "
    "bà con gọi ngay số {máy}.",
    "Chiều {ngày}, vùng {xã} có mưa rất to, khoảng {số} mm. Nước sông dâng nhanh từ {giờ}, các hộ ven đê thôn {thôn} "
    "kê cao đồ đạc và đưa gia súc lên đồi. Khi có lệnh, người già và trẻ em sơ tán về {nơi}. Đội xung kích {xã} trực "
    "suốt đêm, điện thoại {máy}.",
    "Ủy ban nhân dân {xã} mời cử tri thôn {thôn} tiếp xúc đại biểu lúc {giờ} ngày {ngày}, tại {nơi}. Nội dung gồm kế "
    "hoạch làm đường dài {số} m, mức đóng góp {tiền} một hộ và danh sách hộ nghèo. Ý kiến bằng văn bản gửi về trụ sở "
    "{xã} trước ngày {hạn}.",
    "Thuế cơ sở {xã} nhắc các hộ kinh doanh nộp tờ khai quý 4 trước ngày {hạn}. Hộ ở chợ {thôn} mang căn cước đến "
    "{nơi} từ {giờ} để được hướng dẫn. Nộp chậm có thể bị phạt tới {tiền}. Thắc mắc của {số} hộ vừa chuyển đổi được "
    "giải đáp qua số {máy}.",
    "Thú y {xã} tiêm phòng cúm gia cầm ngày {ngày}, bắt đầu lúc {giờ} từ thôn {thôn}. Đàn gà vịt phải nhốt lại cho tới "
    "ngày {hạn}, tổng cộng {số} hộ có tên trong danh sách. Hộ có gia cầm chết không vứt ra kênh ở {thôn} mà báo ngay "
    "số {máy}.",
    "Đoàn thanh niên {xã} dọn vệ sinh đường làng vào {giờ} ngày {ngày}. Mỗi gia đình thôn {thôn} cử 1 người mang chổi, "
    "cuốc, tập trung ở {nơi}. Rác nhựa được thu mua 5.000đ/kg, góp vào quỹ {số} suất quà cho học sinh nghèo {xã}. Đốt "
    "rác bên đường {thôn} bị phạt đến {tiền}.",
    "Trường trung học {xã} mở lớp nghề buổi tối, khai giảng ngày {ngày}. Học viên thôn {thôn} nộp đơn tại {nơi}, hạn "
    "cuối là {hạn}. Lớp may nhận {số} người, hỗ trợ {tiền} tiền ăn. Buổi học từ 19h đến 21h tại {xã}.",
)


def bulletins() -> list[str]:
    """The texts as they are written, with figures and dates still to be read."""
    return [subject.format(**place) for subject in SUBJECTS for place in PLACES]
